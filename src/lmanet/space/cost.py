"""Analytic cost of an architecture from shapes alone: MACs, parameters, peak SRAM and flash in int8."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lmanet.space.architecture import Architecture
from lmanet.space.graph import INPUT, Operator, operators

WEIGHT_BYTES = 1
# int32 bias, int32 multiplier and int32 shift of each output channel: TFLite's per-channel int8 scheme.
CHANNEL_BYTES = 12


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs, by formula.

    Attributes:
        macs: multiply-accumulates of convolutions and linear layers for one image.
        params: trainable parameters, batch norm included, as torch counts them.
        peak_sram_bytes: most bytes of int8 activations that are live at once.
        flash_bytes: int8 weights and what each output channel needs to requantise; without code.
        peak_operator: the operator that sets ``peak_sram_bytes``.
    """

    macs: int
    params: int
    peak_sram_bytes: int
    flash_bytes: int
    peak_operator: str


@lru_cache(maxsize=4096)
def estimate(architecture: Architecture, num_classes: int) -> Cost:
    """Cost of ``architecture`` with a classifier of ``num_classes``; builds no network."""
    graph = operators(architecture, num_classes)
    live = list(live_bytes(graph))
    peak = max(live)
    return Cost(
        macs=sum(map(macs, graph)),
        params=sum(map(params, graph)),
        peak_sram_bytes=peak,
        flash_bytes=sum(map(flash_bytes, graph)),
        peak_operator=graph[live.index(peak)].name,
    )


def macs(operator: Operator) -> int:
    """Multiply-accumulates: output elements times weights behind each; 0 for operators without weights."""
    return prod(operator.out_shape[1:]) * weights(operator)


def weights(operator: Operator) -> int:
    """Weights without bias: kernel area x input channels (one for depthwise) x output channels."""
    if operator.kind == "depthwise":
        return operator.kernel**2 * operator.out_shape[0]
    if operator.kind in ("conv", "linear"):
        return operator.kernel**2 * operator.in_shape[0] * operator.out_shape[0]
    return 0


def params(operator: Operator) -> int:
    """Trainable parameters: weights, bias, and batch norm's scale and shift."""
    return weights(operator) + operator.out_shape[0] * (2 * operator.norm + operator.bias)


def flash_bytes(operator: Operator) -> int:
    """Bytes of constants in int8; batch norm is folded away."""
    weight_count = weights(operator)
    return weight_count * WEIGHT_BYTES + (operator.out_shape[0] * CHANNEL_BYTES if weight_count else 0)


def live_bytes(graph: Iterable[Operator]) -> Iterator[int]:
    """Bytes of int8 tensors alive while each operator runs: its inputs, its output, and whatever a later one still reads.

    Nothing is done in place, nothing is tiled: what a plain runtime needs at least, before its own overhead.
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
