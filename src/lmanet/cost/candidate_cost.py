"""CandidateCost: what is known of every candidate, whether or not there is a network."""

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from lmanet.base import classes_below


class Peak(NamedTuple):
    """Where the most memory is in use.

    Attributes:
        bytes: of SRAM, by the formula for that runtime.
    """

    operator: str
    bytes: int
    runtime: str


@dataclass(frozen=True)
class CandidateCost:
    """The cost of a candidate, by formula; a kind that knows more adds fields.

    Attributes:
        told: names of the quantities that a model is told of a trained candidate.
        macs: multiply-accumulates of convolutions and linear layers for one image.
        params: trainable parameters, batch norm included, as torch counts them.
    """

    told: ClassVar[tuple[str, ...]] = ("macs", "params")

    macs: int
    params: int

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The quantities that this kind of cost may know: its fields that are numbers."""
        return tuple(field.name for field in fields(cls) if field.type not in (str, "str"))

    @classmethod
    def kinds(cls) -> "list[type[CandidateCost]]":
        """This and every kind that knows more, in the order of their loading."""
        return [cls, *classes_below(cls)]

    def quantities(self) -> dict[str, float]:
        """Name -> value of every quantity that is known of this candidate."""
        known = {name: getattr(self, name) for name in self.names()}
        return {name: value for name, value in known.items() if value is not None}

    @property
    def peak(self) -> Peak | None:
        """None where no memory is known."""
        return None

    @property
    def origin(self) -> str:
        """How the figures were found, for a caption."""
        return "costs by formula"
