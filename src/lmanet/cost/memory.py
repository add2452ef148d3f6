"""How much SRAM a runtime allocates for a network: named memory models, one answer in common."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from lmanet.cost.c_runtime.plan import CStaticOptions, plan_c_static
from lmanet.cost.platform import Runtime
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.network.graph import INPUT, Operator


class Memory(NamedTuple):
    """SRAM that a network takes.

    Attributes:
        peak_sram_bytes: what the runtime allocates for it, once and for all.
        operator_bytes: in use while each operator runs, in the order of the graph.
    """

    peak_sram_bytes: int
    operator_bytes: tuple[int, ...]

    @property
    def peak_index(self) -> int:
        """Of the operator that sets the peak."""
        return self.operator_bytes.index(max(self.operator_bytes))


def memory(
    graph: Sequence[Operator], runtime: Runtime, c_options: CStaticOptions | None = None
) -> Memory:
    """SRAM of a network by one of the memory models.

    Args:
        runtime: ``c_static``, the arena of our generated C; ``tflm``, the arena of TensorFlow Lite
            Micro with CMSIS-NN on a 32-bit target; ``plain``, the tensors alone, each whole and
            nothing in place, which no runtime that works layer by layer can do without.
        c_options: of ``c_static``; the other models have none.
    """
    if runtime == "c_static":
        return _c_static(graph, c_options)
    return _plain(graph) if runtime == "plain" else _tflm(graph)


def _plain(graph: Sequence[Operator]) -> Memory:
    live = tuple(live_bytes(graph))
    return Memory(max(live), live)


def _c_static(graph: Sequence[Operator], options: CStaticOptions | None) -> Memory:
    plan = plan_c_static(tuple(graph), options)
    used = {
        operator.name: size
        for step, size in zip(plan.steps, plan.step_bytes, strict=True)
        for operator in step.operators
    }
    return Memory(plan.arena_bytes, tuple(used[operator.name] for operator in graph))


def _tflm(graph: Sequence[Operator]) -> Memory:
    arena = tflm_arena(graph)
    live = [arena.live_bytes[operator.name] + arena.tail_bytes for operator in graph]
    return Memory(arena.arena_bytes, tuple(live))


def live_bytes(graph: Iterable[Operator]) -> Iterator[int]:
    """Bytes of int8 tensors alive while each operator runs: its inputs, its output, and whatever a
    later one still reads.

    Nothing is done in place, nothing is tiled: what a plain runtime needs at least, before its own
    overhead.
    """
    graph = tuple(graph)
    last_use = {name: i for i, operator in enumerate(graph) for name in operator.inputs}
    live = {INPUT: prod(graph[0].in_shape)}
    for i, operator in enumerate(graph):
        live[operator.name] = prod(operator.out_shape)
        yield sum(live.values())
        for name in operator.inputs:
            if last_use[name] == i:
                live.pop(name, None)
