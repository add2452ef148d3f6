"""Constants of the integer graph -> arrays as the C kernels read them (`lmanet_kernels.h`)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.c_runtime.fields import overflow
from lmanet.cost.c_runtime.scratch import whole_words
from lmanet.deploy.int8.graph import IntegerGraph, Scale
from lmanet.deploy.write.constants import fixed_point, multiply
from lmanet.errors import DeployError
from lmanet.network import Operator

MOST_SHIFT = 22
MOST_SUM = 2**30
# What ``lm_mean`` and TFLite multiply has 32 bits.
MOST_MEAN_SUM = 2**31 - 1
DEPTHWISE_KERNELS, DEPTHWISE_STRIDES = (1, 3, 5, 7), (1, 2)
ADVICE = "quantise with lmanet.deploy.int8.quantize"
INT8_VALUES = (
    np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)
)  # in the order of a table by uint8
# A depthwise kernel reads whole words, and so this far beyond its last weight.
OVERREAD_BYTES = 3


@dataclass(frozen=True)
class Channel:
    """``lm_channel``: what turns the doubled sum of an output channel into int8."""

    bias: int
    multiplier: int
    shift: int


def packed(struct: str, layer: str, numbers: Mapping[str, int]) -> str:
    """Numbers of a structure as its initialiser has them.

    Args:
        struct: as in `lmanet.cost.c_runtime.fields.BITS`.
        layer: name of the operator.
        numbers: field -> value, in the structure's order.

    Raises:
        DeployError: a field does not hold its number.
    """
    for field, value in numbers.items():
        if found := overflow(struct, layer, field, value):
            raise DeployError(str(found))
    return ", ".join(map(str, numbers.values()))


def channel(layer: str, real_multiplier: float, bias: int = 0, most: int = 0) -> Channel:
    """Constants of one output channel.

    Args:
        layer: name of the operator.
        real_multiplier: of the sum, to give steps of the output.
        bias: added to the sum.
        most: the largest absolute sum that can occur, ``bias`` included.

    Raises:
        DeployError: the kernels' 32 bits do not hold the sum or the multiplier.
    """
    multiplier, exponent = fixed_point(real_multiplier)
    shift = -exponent
    if most >= MOST_SUM:
        raise DeployError(
            f"{layer}: a sum of {most} may occur, and the kernels hold less than "
            f"{MOST_SUM}; {ADVICE}"
        )
    if not 1 <= shift <= MOST_SHIFT:
        legal = f"2^-{MOST_SHIFT + 1} to 0.5"
        raise DeployError(
            f"{layer}: a multiplier of {real_multiplier:.3g} is outside the "
            f"kernels' {legal}; {ADVICE}"
        )
    return Channel(2 * bias, multiplier, shift - 1)


def halves(target: Scale) -> int:
    """``halves`` of a layer: zero point of its output and the half that is added to round, both in
    halves.
    """
    return 2 * target.zero_point + 1


def channels(graph: IntegerGraph, operator: Operator) -> list[Channel]:
    """Constants of every output channel of a convolution or linear layer."""
    weights = (
        graph.filters[operator.name].weights.astype(np.int64).reshape(operator.out_shape[0], -1)
    )
    source, target = graph.scales[operator.inputs[0]], graph.linear_scale(operator)
    bias = graph.filters[operator.name].bias.astype(np.int64) - source.zero_point * weights.sum(1)
    most = np.abs(bias) + 128 * np.abs(weights).sum(1)
    # In double precision, as TFLite.
    multipliers = (
        np.float64(source.scale)
        * graph.filters[operator.name].scales.astype(np.float64)
        / np.float64(target.scale)
    )
    return [
        channel(operator.name, *row)
        for row in zip(multipliers.tolist(), bias.tolist(), most.tolist(), strict=True)
    ]


def dense_weights(graph: IntegerGraph, operator: Operator) -> NDArray[np.int8]:
    """Weights of a convolution or linear layer, filled up with zeros to whole blocks of 2 outputs x
    4 inputs.
    """
    weights = (
        graph.filters[operator.name]
        .weights.transpose(0, 2, 3, 1)
        .reshape(operator.out_shape[0], -1)
    )
    outputs, inputs = weights.shape
    filled = np.zeros((outputs + outputs % 2, whole_words(inputs)), np.int8)
    filled[:outputs, :inputs] = weights
    # (pair, A or B, four, which of (0, 2) or (1, 3), first or second) -> A0 B0 A2 B2 A1 B1 A3 B3
    blocks = filled.reshape(len(filled) // 2, 2, -1, 2, 2).transpose(0, 2, 4, 3, 1)
    return np.ascontiguousarray(blocks).reshape(-1)


def depthwise_weights(graph: IntegerGraph, operator: Operator) -> NDArray[np.int8]:
    """Weights of a depthwise convolution and the bytes that are read beyond them."""
    return np.append(
        graph.filters[operator.name].weights.reshape(-1), np.zeros(OVERREAD_BYTES, np.int8)
    )


@dataclass(frozen=True, eq=False)
class Addition:
    """``lm_add_layer``: int32 (256,) of each input, and what turns their sum into int8."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    scale: Channel


def addition(graph: IntegerGraph, operator: Operator) -> Addition:
    """TFLite's ADD: both inputs in 20 more bits and in units of twice the larger scale."""
    sources = [graph.scales[name] for name in operator.inputs]
    target = graph.scales[operator.name]
    unit = 2 * max(source.scale for source in sources)
    first, second = (
        2 * multiply((INT8_VALUES - source.zero_point) << 20, source.scale / unit)
        for source in sources
    )
    most = int(np.abs(first).max() + np.abs(second).max()) // 2
    scale = channel(operator.name, unit / (2**20 * target.scale), most=most)
    return Addition(first.astype(np.int32), second.astype(np.int32), scale)


def scaling(graph: IntegerGraph, operator: Operator) -> Channel:
    """TFLite's MUL of a tensor by one value a channel."""
    source, gate = (graph.scales[name] for name in operator.inputs)
    target = graph.scales[operator.name]
    real = np.float64(source.scale) * np.float64(gate.scale) / np.float64(target.scale)
    return channel(operator.name, float(real), most=255 * 255)


def mean_multiplier(graph: IntegerGraph, operator: Operator) -> tuple[int, int]:
    """TFLite's multiplier and exponent of MEAN, with the division by the number of pixels in it.

    Raises:
        DeployError: the sum over all pixels does not fit 32 bits.
    """
    source, target = graph.scales[operator.inputs[0]], graph.scales[operator.name]
    pixels = operator.in_shape[1] * operator.in_shape[2]
    multiplier, exponent = fixed_point(source.scale / target.scale)
    room = min(pixels.bit_length() - 1, 32, 31 + exponent)
    if (most := 255 * pixels << max(exponent - room, 0)) > MOST_MEAN_SUM:
        raise DeployError(
            f"{operator.name}: the sum over {pixels} pixels may be {most}, and the "
            f"kernels hold at most {MOST_MEAN_SUM}; "
            "take a smaller resolution, or stride 2 earlier"
        )
    return (multiplier << room) // pixels, exponent - room


def check_conv(operator: Operator) -> None:
    """Raise `DeployError` for a 1x1 convolution with padding: its kernel reads pixel for pixel
    where the stride is 1.
    """
    if operator.kernel == operator.stride == 1 and operator.padding != (0, 0):
        raise DeployError(
            f"{operator.name}: a 1x1 convolution has the padding {operator.padding}; legal is none"
        )


def depthwise_kernel(operator: Operator) -> str:
    """Name of the function that runs a depthwise convolution.

    Raises:
        DeployError: there is none for its window.
    """
    kernel, stride = operator.kernel, operator.stride
    if kernel not in DEPTHWISE_KERNELS or stride not in DEPTHWISE_STRIDES:
        legal = f"kernels {', '.join(map(str, DEPTHWISE_KERNELS))} with stride 1 or 2"
        raise DeployError(
            f"{operator.name}: a depthwise convolution has the kernel {kernel} and "
            f"the stride {stride}; legal are {legal}"
        )
    return f"lm_depthwise_{kernel}_{stride}"
