"""Which activations an int8 runtime fuses into a convolution, and which are
tables of 256 values.
"""

from lmanet.network.graph import Operator

# Fused by saturation: the result's scale starts at zero, so no operator and no instruction is
# spent.
FUSED = ("none", "relu", "relu6")
# A function of one int8 value to another, applied to a tensor of its own in TFLite and on the fly
# in our C.
TABLES = ("leaky_relu", "swish", "hard_swish", "sigmoid")

# Slope of LeakyReLU for negative values: torch's default, which the networks are trained with.
LEAKY_RELU_SLOPE = 0.01


def tensor_before_table(operator: Operator) -> str:
    """Name of the int8 tensor that the activation of ``operator`` reads, where that activation is a
    table.
    """
    return f"{operator.name}.pre"
