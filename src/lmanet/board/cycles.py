"""Cycles an instruction of one board, fitted to networks that were measured there."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

LEAST_NETWORKS = 3


class Point(NamedTuple):
    """A network that was measured.

    Attributes:
        network: begins the checksum of its C.
        instructions: of one inference.
        cycles: the median of its runs.
    """

    network: str
    instructions: int
    cycles: int


@dataclass(frozen=True)
class MeasuredCycles:
    """What takes the place of the span of a core, once `LEAST_NETWORKS` networks were measured.

    Attributes:
        board: as its firmware names it.
        networks: a `Point` of each, in a file a list of its three values.
    """

    board: str
    networks: Sequence[Any] = ()

    def __post_init__(self) -> None:
        points = tuple(Point(*each) for each in self.networks)  # a TypeError names what is missing
        for point in points:
            if not all(type(each) is int and each > 0 for each in point[1:]):
                raise ValueError(f"networks: {list(point)} has no instructions and cycles above 0")
        object.__setattr__(self, "networks", points)

    @property
    def is_enough(self) -> bool:
        """Whether estimates may rest on it."""
        return len(self._ratios) >= LEAST_NETWORKS

    @property
    def ratio(self) -> float:
        """Cycles an instruction: the mean over the networks."""
        return fmean(self._ratios)

    @property
    def error(self) -> float:
        """The largest share by which a network misses what the others say of it."""
        ratios = self._ratios
        others = [fmean(ratios[:i] + ratios[i + 1 :]) for i in range(len(ratios))]
        return max(abs(own / other - 1) for own, other in zip(ratios, others, strict=True))

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest cycles an instruction."""
        return self.ratio * (1 - self.error), self.ratio * (1 + self.error)

    @property
    def _ratios(self) -> list[float]:
        return [point.cycles / point.instructions for point in self.networks]
