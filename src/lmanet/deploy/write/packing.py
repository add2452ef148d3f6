"""Constants of the integer graph -> arrays as the C kernels read them (`lmanet_kernels.h`)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.c_runtime.fields import overflow
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.errors import DeployError
from lmanet.network.fixed_point import Channel, channel
from lmanet.network.operators import Operator
from lmanet.network.operators.conv import reads_pixels, whole_words

# A depthwise kernel reads whole words, and so this far beyond its last weight.
OVERREAD_BYTES = 3


def packed(struct: str, layer: str, numbers: Mapping[str, int]) -> str:
    """Numbers of a structure as its initialiser has them.

    Args:
        struct: that `lmanet.cost.c_runtime.fields.field_bits` knows.
        layer: name of the operator.
        numbers: field -> value, in the structure's order.

    Raises:
        DeployError: a field does not hold its number.
    """
    for field, value in numbers.items():
        if found := overflow(struct, layer, field, value):
            raise DeployError(str(found))
    return ", ".join(map(str, numbers.values()))


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


def check_conv(operator: Operator) -> None:
    """Raise `DeployError` for a 1x1 convolution with padding: its kernel reads pixel for pixel
    where the stride is 1.
    """
    paddings = [side.padding for side in operator.sides if side.padding != (0, 0)]
    if reads_pixels(operator) and paddings:
        raise DeployError(
            f"{operator.name}: a 1x1 convolution has the padding {paddings[0]}; legal is none"
        )
