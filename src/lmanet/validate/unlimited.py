"""Unlimited: no board and no limits, for a bench whose networks run on any machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lmanet.cost import Platform, Runtime


@dataclass(frozen=True)
class Unlimited:
    """In place of a `Target`; nothing can be deployed to it.

    Attributes:
        name: of the file in conf/target.
        board: in words.
        runtime: whose memory is counted, where the cost of a network has one.
    """

    name: str = "none"
    board: str = "no board: any machine"
    runtime: Runtime = "c_static"
    limits: Mapping[str, int] = field(default_factory=dict, init=False)

    @property
    def platform(self) -> Platform:
        """Where the cost of a network is counted."""
        return Platform(self.runtime)
