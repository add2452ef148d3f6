"""Float graph and ranges -> integer graph, by TFLite's quantisation specification."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmanet.deploy.int8.calibrate import Range
from lmanet.deploy.int8.fold import Folded
from lmanet.deploy.int8.graph import SIGMOID, Filter, IntegerGraph, Scale
from lmanet.network import Operator
from lmanet.network.int8 import FUSED, LEVELS, MOST_MULTIPLIER, tensor_before_table
from lmanet.network.operators import kind_of

# What the kernels require of real multiplier and accumulator; the margin is for float32 scales.
LEAST_MULTIPLIER = 2**-22 * (1 + 2**-16)
MOST_ACCUMULATOR = 2**30
MOST_WEIGHT = 127
LEAST_SCALE = 2**-24  # of a tensor that is always zero; LOGISTIC has no smaller than 2^-27


def quantize(
    folded: Folded,
    ranges: Mapping[str, Range],
    labels: Sequence[str],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> IntegerGraph:
    """Choose the scales of all tensors and round weights and biases to integers.

    Ranges are taken as they are, but for two rules: a result after ReLU or ReLU6 starts at zero and
    ends at 6 at most, so that saturation is the activation; and where a multiplier would leave what
    the kernels can do, a scale is widened.

    Args:
        folded: the network.
        ranges: of every tensor, by `calibrate`.
        labels: of the classes, in the order of the logits.
        mean, std: the normalisation in training, of each channel of the input for pixels in 0..1.
    """
    scales = {"input": to_scale(ranges["input"])}
    filters = {}
    for operator in folded.graph:
        scales |= _scales(folded, operator, ranges, scales)
        if operator.filter_shape:
            linear = scales[
                operator.name if operator.activation in FUSED else tensor_before_table(operator)
            ]
            filters[operator.name] = _filter(
                folded, operator, scales[operator.inputs[0]].scale, linear.scale
            )
    return IntegerGraph(folded.graph, scales, filters, tuple(labels), mean, std)


def to_scale(span: Range, least: float = 0.0, most: float = math.inf) -> Scale:
    """The int8 scale that spans a range, zero being an integer.

    Args:
        span: of real numbers.
        least: the smallest scale allowed.
        most: the largest; a wider span is shrunk towards zero.
    """
    scale = (span.high - span.low) / LEVELS
    if scale > most:
        span, scale = Range(span.low * most / scale, span.high * most / scale), most
    scale = max(scale, least, LEAST_SCALE)
    # Of the two ends, the zero point is counted from the one that is nearer to it, as TFLite does.
    real = -128 - span.low / scale if -span.low / scale < 127 else 127 - span.high / scale
    return Scale(float(np.float32(scale)), int(np.clip(_rounded(real), -128, 127)))


def _scales(
    folded: Folded, operator: Operator, ranges: Mapping[str, Range], scales: Mapping[str, Scale]
) -> dict[str, Scale]:
    """Scale of the result of an operator, and of what its table reads."""
    bounds = _bounds(folded, operator, [scales[name].scale for name in operator.inputs])
    if operator.activation in FUSED:
        span = ranges[operator.name]
        if operator.activation != "none":
            span = Range(0.0, min(span.high, 6.0) if operator.activation == "relu6" else span.high)
        return {operator.name: to_scale(span, *bounds)}
    before = to_scale(ranges[tensor_before_table(operator)], *bounds)
    if operator.activation == "sigmoid":
        result = SIGMOID
    else:
        # HARD_SWISH, and MUL by 1/256 steps of a sigmoid, have multipliers that must stay below a
        # half.
        result = to_scale(
            ranges[operator.name],
            before.scale / 64 if operator.activation in ("swish", "hard_swish") else 0.0,
        )
    return {tensor_before_table(operator): before, operator.name: result}


def _bounds(folded: Folded, operator: Operator, inputs: list[float]) -> tuple[float, float]:
    """Least and greatest scale of what an operator makes.

    Below the least a multiplier would reach a half; at the greatest the result spans all that the
    inputs' integers can make.
    """
    if not operator.filter_shape:
        return kind_of(operator).scale_bounds(inputs)
    weight, bias = _numbers(folded, operator)
    return float(_weight_scales(operator, weight, bias, inputs[0]).max()) * inputs[
        0
    ] / MOST_MULTIPLIER, math.inf


def _filter(folded: Folded, operator: Operator, input_scale: float, output_scale: float) -> Filter:
    weight, bias = _numbers(folded, operator)
    scales = _weight_scales(operator, weight, bias, input_scale)
    rounded = np.maximum(scales, LEAST_MULTIPLIER * output_scale / input_scale).astype(np.float32)
    exact = rounded.astype(np.float64)
    weights = np.clip(
        _rounded(weight / exact[:, None, None, None]), -MOST_WEIGHT, MOST_WEIGHT
    ).astype(np.int8)
    return Filter(weights, rounded, _rounded(bias / (input_scale * exact)).astype(np.int32))


def _weight_scales(
    operator: Operator, weight: NDArray[np.float64], bias: NDArray[np.float64], input_scale: float
) -> NDArray[np.float64]:
    """Float64 (out,): the finest scales by which neither a weight nor the accumulator |bias| + 255
    * sum |w| is too large.
    """
    taps = weight[0].size
    sums = np.abs(bias) / input_scale + LEVELS * np.abs(weight).sum((1, 2, 3))
    # each weight may be rounded up by a half
    room = MOST_ACCUMULATOR * (1 - 2**-16) - LEVELS * taps / 2 - 1
    scales = np.maximum(np.abs(weight).max((1, 2, 3)) / MOST_WEIGHT, sums / room)
    return scales if kind_of(operator).scale_per_channel else np.full_like(scales, scales.max())


def _numbers(folded: Folded, operator: Operator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight, bias = (tensor.detach().cpu().double().numpy() for tensor in folded.constants(operator))
    return weight, bias


def _rounded(numbers: ArrayLike) -> NDArray[np.float64]:
    """To the nearest integer, halves away from zero, as C's ``round``."""
    return np.trunc(np.add(numbers, np.copysign(0.5, numbers)))
