"""What stem, stages, head and classifier of a network cost, each for itself."""

from itertools import groupby
from typing import NamedTuple

from lmanet.cost.estimate import macs, params
from lmanet.cost.flash import flash_bytes
from lmanet.cost.memory import memory
from lmanet.cost.platform import Platform
from lmanet.network.architecture import Architecture
from lmanet.network.graph import operators


class PartCost(NamedTuple):
    """One part of a network.

    Attributes:
        out_shape: channels, height, width.
        peak_sram_bytes: most that is allocated while one of its operators runs; the network's is
            the largest of them.
    """

    name: str
    out_shape: tuple[int, int, int]
    macs: int
    params: int
    flash_bytes: int
    peak_sram_bytes: int


def part_costs(architecture: Architecture, num_classes: int, platform: Platform) -> list[PartCost]:
    """The parts of a network in their order."""
    graph = operators(architecture, num_classes)
    used = memory(graph, platform.runtime, platform.c_options).operator_bytes
    rows = []
    for name, group in groupby(
        zip(graph, used, strict=True), key=lambda pair: pair[0].name.partition(".")[0]
    ):
        pairs = list(group)
        inside = [operator for operator, _ in pairs]
        rows.append(
            PartCost(
                name=name,
                out_shape=inside[-1].out_shape,
                macs=sum(map(macs, inside)),
                params=sum(map(params, inside)),
                flash_bytes=sum(flash_bytes(operator, platform.runtime) for operator in inside),
                peak_sram_bytes=max(size for _, size in pairs),
            )
        )
    return rows
