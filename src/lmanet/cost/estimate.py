"""Analytic cost of an architecture from shapes alone: MACs, parameters, peak SRAM and flash in
int8.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import ClassVar

from lmanet.cost.c_runtime.instructions import estimated_instructions
from lmanet.cost.c_runtime.plan import lay_out
from lmanet.cost.candidate_cost import CandidateCost, Peak
from lmanet.cost.flash import flash_bytes
from lmanet.cost.latency import estimated_latency_ms
from lmanet.cost.memory import memory
from lmanet.cost.platform import Platform, Runtime
from lmanet.network.architecture import Architecture, require_network
from lmanet.network.graph import Operator, operators
from lmanet.run.quantities import Quantity, computed


@dataclass(frozen=True)
class Cost(CandidateCost):
    """What a network costs, by formula.

    Attributes:
        runtime: whose memory ``peak_sram_bytes`` is.
        peak_sram_bytes: what that runtime allocates for the network (see `lmanet.cost.memory`).
        flash_bytes: constants as that runtime stores them (see `lmanet.cost.flash`); without code.
        peak_operator: the operator that sets ``peak_sram_bytes``.
        estimated_instructions: of one image, under ``c_static``; for other runtimes none are known.
        estimated_latency_ms: the upper end of the range that these instructions may take (see
            `lmanet.cost.latency`), where core and clock are known.
        added: name -> value of each registered quantity that brings its own formula.
    """

    told: ClassVar[tuple[str, ...]] = ("macs", "peak_sram_bytes", "flash_bytes")

    runtime: str
    peak_sram_bytes: int
    flash_bytes: int
    peak_operator: str
    estimated_instructions: int | None = None
    estimated_latency_ms: float | None = None
    added: Mapping[str, float] = field(default_factory=dict, hash=False)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        own = tuple(name for name in super().names() if name != "added")
        return (*own, *(quantity.name for quantity in computed()))

    def quantities(self) -> dict[str, float]:
        known = {name: getattr(self, name, None) for name in super().names() if name != "added"}
        own = {name: value for name, value in known.items() if value is not None}
        return {**own, **self.added}

    @property
    def peak(self) -> Peak:
        return Peak(self.peak_operator, self.peak_sram_bytes, self.runtime)

    @property
    def origin(self) -> str:
        return f"costs by formula, int8; SRAM of {self.runtime}"


def estimate(architecture: Architecture, num_classes: int, runtime: Runtime = "c_static") -> Cost:
    """Cost of ``architecture`` with a classifier of ``num_classes``; builds no network.

    Args:
        runtime: whose memory is counted: ``c_static``, ``tflm`` or ``plain`` (see
            `lmanet.cost.memory`).

    Raises:
        ArchitectureError: it is no architecture, or the number of classes is not at least 1.
        ConfigError: there is no such runtime.
    """
    require_network(architecture, num_classes)
    return estimate_network(architecture, num_classes, Platform(runtime))


def estimate_network(architecture: Architecture, num_classes: int, platform: Platform) -> Cost:
    """As `estimate`, on a platform; where that has a core, with an estimate of latency."""
    return _estimate(architecture, num_classes, platform, computed())


@lru_cache(maxsize=4096)
def _estimate(
    architecture: Architecture, num_classes: int, platform: Platform, more: tuple[Quantity, ...]
) -> Cost:
    graph, runtime = operators(architecture, num_classes), platform.runtime
    sram, peak, instructions = _memory(graph, platform)
    latency = (
        estimated_latency_ms(
            instructions, platform.core, platform.clock_mhz, platform.measured
        ).highest
        if instructions and platform.core
        else None
    )
    return Cost(
        macs=sum(map(macs, graph)),
        params=sum(map(params, graph)),
        runtime=runtime,
        peak_sram_bytes=sram,
        flash_bytes=sum(flash_bytes(operator, runtime) for operator in graph),
        peak_operator=peak,
        estimated_instructions=instructions,
        estimated_latency_ms=latency,
        added={each.name: each.compute(graph) for each in more if each.compute},
    )


def _memory(graph: tuple[Operator, ...], platform: Platform) -> tuple[int, str, int | None]:
    """Bytes of SRAM, the operator that sets them, and instructions: as `memory`, without the bytes
    of all other operators.
    """
    if platform.runtime != "c_static":
        sram = memory(graph, platform.runtime)
        return sram.peak_sram_bytes, graph[sram.peak_index].name, None
    layout = lay_out(graph, platform.c_options)
    peaks = layout.peak_operators
    peak = next(operator.name for operator in graph if operator.name in peaks)
    return layout.arena_bytes, peak, estimated_instructions(layout.work.steps)


def macs(operator: Operator) -> int:
    """Multiply-accumulates: output elements times weights behind each; 0 for operators without
    weights.
    """
    return prod(operator.out_shape[1:]) * operator.weights


def params(operator: Operator) -> int:
    """Trainable parameters: weights, bias, and batch norm's scale and shift."""
    return operator.weights + operator.out_shape[0] * (2 * operator.norm + operator.bias)
