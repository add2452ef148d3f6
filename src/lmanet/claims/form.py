"""Claims on a network's form -> whether they hold: one function a kind, from architecture and cost
alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lmanet.claims.kinds import (
    Claim,
    DownsamplesEarly,
    PeakMemoryAt,
    ResidualIn,
    SmallExpansion,
    SqueezeExciteIn,
    StrideOneIn,
    WidensLate,
)
from lmanet.network import Architecture
from lmanet.network.architecture import has_effect
from lmanet.network.graph import feature_operators
from lmanet.space import AnyArchitecture, AnyCost

EARLY_STAGES, EARLY_FACTOR = 2, 4
MOST_EXPANSION = 3
LEAST_WIDENING = 2


class Finding(NamedTuple):
    """Whether a claim holds, None where that cannot be told, and the facts."""

    holds: bool | None
    reason: str


def check_network(
    claim: Claim, architecture: AnyArchitecture, cost: AnyCost | None
) -> Finding | None:
    """None where the claim is not on the network's form."""
    check = CHECKS.get(type(claim))
    if check is None:
        return None
    if (network := architecture.network) is None:
        return Finding(None, f"{architecture.kind} has no stages")
    return check(claim, network, cost)


def _residual(claim: ResidualIn, architecture: Architecture, cost: AnyCost | None) -> Finding:
    sums = [
        operator.name.split(".")[0]
        for operator in feature_operators(architecture)
        if operator.kind == "add"
    ]

    def wanting(number: int) -> str:
        stage = architecture.stages[number - 1]
        if f"stage{number}" in sums:
            return ""
        why = "has stride 2" if stage.stride == 2 else "changes the channels"
        return f"has a skip that never acts: its one block {why}" if stage.skip else "has none"

    return _of_stages(
        claim.stages, architecture, wanting, "adds its blocks' inputs to their outputs"
    )


def _stride_one(claim: StrideOneIn, architecture: Architecture, cost: AnyCost | None) -> Finding:
    return _of_stages(
        claim.stages,
        architecture,
        lambda n: "has stride 2" if architecture.stages[n - 1].stride != 1 else "",
        "has stride 1",
    )


def _squeeze_excite(
    claim: SqueezeExciteIn, architecture: Architecture, cost: AnyCost | None
) -> Finding:
    def wanting(number: int) -> str:
        stage = architecture.stages[number - 1]
        return "" if stage.se_ratio > 0 and has_effect("se_ratio", stage.block) else "has none"

    return _of_stages(claim.stages, architecture, wanting, "has it")


def _of_stages(
    named: Sequence[int], architecture: Architecture, wanting: Callable[[int], str], held: str
) -> Finding:
    """True where no stage named is wanting; the reason names those that are."""
    missing = [number for number in named if number > len(architecture.stages)]
    if missing:
        return Finding(
            False, f"there is no stage {missing[0]}: the network has {len(architecture.stages)}"
        )
    faults = [
        f"stage {number} {fault}" for number in dict.fromkeys(named) if (fault := wanting(number))
    ]
    return Finding(not faults, "; ".join(faults) or f"each of them {held}")


def _downsamples_early(
    claim: DownsamplesEarly, architecture: Architecture, cost: AnyCost | None
) -> Finding:
    last = min(EARLY_STAGES, len(architecture.stages))
    prefix = f"stage{last}."
    size = next(
        operator.out_shape[1]
        for operator in reversed(feature_operators(architecture))
        if operator.name.startswith(prefix)
    )
    whole = architecture.resolution
    return Finding(
        size * EARLY_FACTOR <= whole,
        f"after stage {last} the image is {size}x{size} of {whole}x{whole}",
    )


def _widens_late(claim: WidensLate, architecture: Architecture, cost: AnyCost | None) -> Finding:
    widths = [stage.channels for stage in architecture.stages]
    widest = len(widths) - widths[::-1].index(
        max(widths)
    )  # the last of those that are equally wide
    holds = 2 * widest > len(widths) and max(widths) >= LEAST_WIDENING * widths[0]
    return Finding(holds, f"channels {', '.join(map(str, widths))}")


def _small_expansion(
    claim: SmallExpansion, architecture: Architecture, cost: AnyCost | None
) -> Finding:
    stages = architecture.stages
    expansions = [
        stage.expansion if has_effect("expansion", stage.block) else 1 for stage in stages
    ]
    return Finding(
        max(expansions) <= MOST_EXPANSION, f"expansions {', '.join(map(str, expansions))}"
    )


def _peak_memory(claim: PeakMemoryAt, architecture: Architecture, cost: AnyCost | None) -> Finding:
    if cost is None or (peak := cost.peak) is None:
        return Finding(None, "its memory is not known")
    part = peak.operator.partition(".")[0]
    return Finding(
        part == claim.part,
        f"{peak.bytes:,} bytes at {peak.operator}, under {peak.runtime}",
    )


CHECKS: dict[type, Callable[[Any, Architecture, AnyCost | None], Finding]] = {
    ResidualIn: _residual,
    StrideOneIn: _stride_one,
    SqueezeExciteIn: _squeeze_excite,
    DownsamplesEarly: _downsamples_early,
    WidensLate: _widens_late,
    SmallExpansion: _small_expansion,
    PeakMemoryAt: _peak_memory,
}
