"""What each operator of a network costs, and how much memory is in use while it runs."""

from typing import NamedTuple

from lmanet.cost import Platform
from lmanet.cost.c_runtime.instructions import estimated_instructions
from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.estimate import macs, params
from lmanet.cost.flash import flash_bytes
from lmanet.cost.latency import LatencyRange, estimated_latency_ms
from lmanet.cost.memory import memory
from lmanet.network import Architecture, Operator
from lmanet.network.graph import Shape, operators


class OperatorRow(NamedTuple):
    """One operator.

    Attributes:
        out_shape: (channels, height, width).
        sram_bytes: in use while it runs, under the platform's runtime.
        is_peak: it sets the network's peak.
        estimated_instructions, latency_ms: of the kernel call that it begins, under ``c_static``;
            None for what runs within another's call, and under other runtimes.
        fused_with: the operator whose kernel call it runs within.
    """

    name: str
    part: str
    kind: str
    out_shape: Shape
    macs: int
    params: int
    flash_bytes: int
    sram_bytes: int
    is_peak: bool
    estimated_instructions: int | None
    latency_ms: LatencyRange | None
    fused_with: str | None


class _Call(NamedTuple):
    """The kernel call in which an operator runs."""

    first: str
    instructions: int


def operator_rows(
    architecture: Architecture, num_classes: int, platform: Platform
) -> list[OperatorRow]:
    """The operators of a network in the order in which they run."""
    graph = operators(architecture, num_classes)
    used = memory(graph, platform.runtime, platform.c_options)
    calls = _calls(graph, platform)
    return [
        _row(operator, size, size == max(used.operator_bytes), calls, platform)
        for operator, size in zip(graph, used.operator_bytes, strict=True)
    ]


def _calls(graph: tuple[Operator, ...], platform: Platform) -> dict[str, _Call]:
    """Operator -> its kernel call; none where the runtime's instructions are not known."""
    if platform.runtime != "c_static":
        return {}
    steps = plan_c_static(graph, platform.c_options).steps
    return {
        operator.name: _Call(step.operators[0].name, estimated_instructions([step]))
        for step in steps
        for operator in step.operators
    }


def _row(
    operator: Operator, used: int, is_peak: bool, calls: dict[str, _Call], platform: Platform
) -> OperatorRow:
    call = calls.get(operator.name)
    begins = call is not None and call.first == operator.name
    instructions = call.instructions if call and begins else None
    return OperatorRow(
        name=operator.name,
        part=operator.name.partition(".")[0],
        kind=operator.kind,
        out_shape=operator.out_shape,
        macs=macs(operator),
        params=params(operator),
        flash_bytes=flash_bytes(operator, platform.runtime),
        sram_bytes=used,
        is_peak=is_peak,
        estimated_instructions=instructions,
        latency_ms=estimated_latency_ms(
            instructions, platform.core, platform.clock_mhz, platform.measured
        )
        if instructions is not None and platform.core
        else None,
        fused_with=None if call is None or begins else call.first,
    )
