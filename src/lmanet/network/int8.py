"""What int8 means for a network: the scale of a tensor, and which activations are tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the kinds of operators import this module
    from lmanet.network.operators.kind import Operator

# Fused by saturation: the result's scale starts at zero, so no operator and no instruction is
# spent.
FUSED = ("none", "relu", "relu6")
# A function of one int8 value to another, applied to a tensor of its own in TFLite and on the fly
# in our C.
TABLES = ("leaky_relu", "swish", "hard_swish", "sigmoid")

# Slope of LeakyReLU for negative values: torch's default, which the networks are trained with.
LEAKY_RELU_SLOPE = 0.01
LEVELS = 255  # steps between -128 and 127
# What the kernels require of a real multiplier; the margin is for float32 scales.
MOST_MULTIPLIER = 0.5 * (1 - 2**-16)


@dataclass(frozen=True)
class Scale:
    """How the integers of a tensor stand for real numbers: real = scale * (integer - zero_point).

    Attributes:
        scale: a float32 value.
        zero_point: -128 to 127.
    """

    scale: float
    zero_point: int


# LOGISTIC's output by TFLite's quantisation spec.
SIGMOID = Scale(1 / 256, -128)


def tensor_before_table(operator: Operator) -> str:
    """Name of the int8 tensor that the activation of ``operator`` reads, where that activation is a
    table.
    """
    return f"{operator.name}.pre"
