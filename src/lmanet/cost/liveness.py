"""Bytes of tensors that are alive at once, whatever the runtime."""

from collections.abc import Iterable, Iterator
from math import prod

from lmanet.network.graph import INPUT, Operator


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
