"""Niches: bands of cost, asked for in turn, so that the front stays wide."""

from dataclasses import dataclass

from lmanet.run.brief import Brief
from lmanet.space import AnyCost, short_number


@dataclass(frozen=True)
class Niche:
    """A band of one quantity of the cost, ``low`` excluded."""

    quantity: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.quantity} from {short_number(self.low)} to {short_number(self.high)}"

    def distance(self, cost: AnyCost) -> float:
        """How far outside the band, as a share of its upper end; 0 inside."""
        given = cost.quantities()[self.quantity]
        return max(given - self.high, self.low - given, 0.0) / self.high


def niche(brief: Brief, bands: int, place: int) -> Niche | None:
    """The band at ``place`` modulo ``bands``: the limit's upper half, the half below it and so on,
    the last one down to 0.

    The quantity is the first objective that the target limits; None where there is none, or one
    band only.
    """
    limited = [goal.name for goal in brief.objectives if goal.name in brief.limits]
    if bands < 2 or not limited:
        return None
    band = place % bands
    high = brief.limits[limited[0]] / 2**band
    return Niche(limited[0], 0.0 if band == bands - 1 else high / 2, high)
