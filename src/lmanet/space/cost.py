"""Analytic cost of an architecture from shapes alone: MACs, parameters, peak SRAM and flash in int8."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lmanet.space.architecture import Architecture
from lmanet.space.c_static import CStaticOptions
from lmanet.space.flash import flash_bytes
from lmanet.space.graph import Operator, operators
from lmanet.space.memory import Runtime, memory


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs, by formula.

    Attributes:
        macs: multiply-accumulates of convolutions and linear layers for one image.
        params: trainable parameters, batch norm included, as torch counts them.
        runtime: whose memory ``peak_sram_bytes`` is.
        peak_sram_bytes: what that runtime allocates for the network (see `lmanet.space.memory`).
        flash_bytes: constants as that runtime stores them (see `lmanet.space.flash`); without code.
        peak_operator: the operator that sets ``peak_sram_bytes``.
    """

    macs: int
    params: int
    runtime: str
    peak_sram_bytes: int
    flash_bytes: int
    peak_operator: str


@lru_cache(maxsize=4096)
def estimate(architecture: Architecture, num_classes: int, runtime: Runtime = "c_static", c_options: CStaticOptions | None = None) -> Cost:
    """Cost of ``architecture`` with a classifier of ``num_classes`` under a runtime; builds no network.

    Args:
        runtime: ``c_static``, ``tflm`` or ``plain`` (see `lmanet.space.memory`).
        c_options: what the generated C does to save memory; all of it by default.
    """
    graph = operators(architecture, num_classes)
    sram = memory(graph, runtime, c_options)
    return Cost(
        macs=sum(map(macs, graph)),
        params=sum(map(params, graph)),
        runtime=runtime,
        peak_sram_bytes=sram.peak_sram_bytes,
        flash_bytes=sum(flash_bytes(operator, runtime) for operator in graph),
        peak_operator=graph[sram.peak_index].name,
    )


def macs(operator: Operator) -> int:
    """Multiply-accumulates: output elements times weights behind each; 0 for operators without weights."""
    return prod(operator.out_shape[1:]) * operator.weights


def params(operator: Operator) -> int:
    """Trainable parameters: weights, bias, and batch norm's scale and shift."""
    return operator.weights + operator.out_shape[0] * (2 * operator.norm + operator.bias)
