"""All claims that a model can make of its network, one class each, and its whole rationale."""

from collections.abc import Mapping
from statistics import fmean
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from lmanet.base import Record
from lmanet.claims.claim import AnyClaim, Claim, Facts, Finding, Legal, Scope
from lmanet.claims.form import (
    DownsamplesEarly,
    PeakMemoryAt,
    ResidualIn,
    SmallExpansion,
    SqueezeExciteIn,
    StrideOneIn,
    WidensLate,
)
from lmanet.run.quantities import names, quantity

__all__ = [
    "CheaperThanParent",
    "DownsamplesEarly",
    "ExpectedAccuracy",
    "PeakMemoryAt",
    "Rationale",
    "ResidualIn",
    "SmallExpansion",
    "SqueezeExciteIn",
    "StrideOneIn",
    "WidensLate",
]

MAX_TEXT_CHARACTERS = 400
SAVINGS = (0, 5, 10, 20, 30, 50)  # per cent, on offer


def _a_cost(name: str) -> str:
    if name not in (legal := names("formula")):
        raise ValueError(f"it should be {', '.join(legal[:-1])} or {legal[-1]}")
    return name


class CheaperThanParent(Claim):
    """The network takes at least so much less of a quantity than its parent."""

    claim: Literal["cheaper_than_parent"] = "cheaper_than_parent"
    meaning: ClassVar[str] = "at least so many per cent less than the network that you change"
    quantity: Annotated[str, AfterValidator(_a_cost)]
    by_percent: Annotated[float, Field(ge=0, le=100)]

    @classmethod
    def legal(cls, scope: Scope) -> Mapping[str, Legal] | None:
        if not scope.has_parent:
            return None
        quantities = scope.quantities or ("params",)
        return {"quantity": Legal(quantities), "by_percent": Legal(SAVINGS)}

    def words(self) -> str:
        by = f" by at least {self.by_percent:g} %" if self.by_percent else ""
        return f"fewer {self.quantity} than its parent{by}"

    def check(self, facts: Facts) -> Finding:
        """True where the saving is at least as claimed; one of 0 % is true of any saving at all."""
        if facts.parent is None:
            return Finding(None, "it has no parent")
        asked = quantity(self.quantity)
        own, other = (asked.of(known.cost) for known in (facts.own, facts.parent))
        if own is None or not other:
            return Finding(None, f"{self.quantity} is not known of both")
        saving = 100 * (1 - own / other)
        more = "less" if saving >= 0 else "more"
        reason = f"{own:,} against the parent's {other:,}: {abs(saving):.1f} % {more}"
        return Finding(own < other and saving >= self.by_percent, reason)


class ExpectedAccuracy(Claim):
    """Accuracy on validation images against the parent's, or against the best or the mean of those
    trained before.
    """

    claim: Literal["expected_accuracy"] = "expected_accuracy"
    meaning: ClassVar[str] = (
        "its accuracy against the best so far, the mean so far, or the network that you change"
    )
    expected: Literal["higher", "lower"]
    than: Literal["parent", "best", "mean"]

    @classmethod
    def legal(cls, scope: Scope) -> Mapping[str, Legal]:
        than = ("best", "mean", "parent") if scope.has_parent else ("best", "mean")
        return {"expected": Legal(("higher", "lower")), "than": Legal(than)}

    def words(self) -> str:
        whose = {
            "parent": "its parent's",
            "best": "the best before it",
            "mean": "the mean before it",
        }
        return f"accuracy {self.expected} than {whose[self.than]}"

    def check(self, facts: Facts) -> Finding:
        own = facts.own.accuracy
        if own is None:
            return Finding(None, "it was not trained to the end")
        if self.than == "parent":
            return self._compare(own, facts.parent and facts.parent.accuracy)
        if not facts.before:
            return Finding(None, "none was trained before it")
        return self._compare(own, (fmean if self.than == "mean" else max)(facts.before))

    def _compare(self, own: float, other: float | None) -> Finding:
        if other is None:
            return Finding(None, "its parent was not trained to the end, or it has none")
        reason = f"{own:.1%} against {other:.1%}" + (", equal" if own == other else "")
        return Finding(own > other if self.expected == "higher" else own < other, reason)


class Rationale(Record):
    """What a model said of its own proposal, before any training.

    Attributes:
        claims: to be checked.
        text: in its own words; nothing checks it.
        faults: what was said and could not be read as a claim, and why.
    """

    claims: tuple[AnyClaim, ...] = ()
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] = ""
    faults: tuple[str, ...] = ()
