"""A claim as a short sentence."""

from collections.abc import Callable, Sequence
from typing import Any

from lmanet.claims.kinds import (
    CheaperThanParent,
    Claim,
    DownsamplesEarly,
    ExpectedAccuracy,
    PeakMemoryAt,
    ResidualIn,
    SmallExpansion,
    SqueezeExciteIn,
    StrideOneIn,
    WidensLate,
)

THAN = {"parent": "its parent's", "best": "the best before it", "mean": "the mean before it"}


def words(claim: Claim) -> str:
    """``residual connections in stages 2 and 3``."""
    return WORDS[type(claim)](claim)


def _stages(numbers: Sequence[int]) -> str:
    each = [str(number) for number in dict.fromkeys(numbers)]
    return f"stage {each[0]}" if len(each) == 1 else f"stages {', '.join(each[:-1])} and {each[-1]}"


def _cheaper(claim: CheaperThanParent) -> str:
    by = f" by at least {claim.by_percent:g} %" if claim.by_percent else ""
    return f"fewer {claim.quantity} than its parent{by}"


WORDS: dict[type, Callable[[Any], str]] = {
    ResidualIn: lambda claim: f"residual connections in {_stages(claim.stages)}",
    StrideOneIn: lambda claim: f"stride 1 in {_stages(claim.stages)}",
    SqueezeExciteIn: lambda claim: f"squeeze-and-excitation in {_stages(claim.stages)}",
    DownsamplesEarly: lambda claim: "downsamples early",
    WidensLate: lambda claim: "widens late",
    SmallExpansion: lambda claim: "small expansion",
    PeakMemoryAt: lambda claim: f"peak memory at {claim.part}",
    CheaperThanParent: _cheaper,
    ExpectedAccuracy: lambda claim: f"accuracy {claim.expected} than {THAN[claim.than]}",
}
