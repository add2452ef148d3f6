"""Flash that the constants of an operator take under a runtime; code is the target's
``runtime_flash_bytes``.
"""

from lmanet.cost.c_runtime.scratch import whole_words
from lmanet.network.graph import Operator
from lmanet.network.int8 import FUSED

TABLE_BYTES = 256
# `lm_channel`: int32 bias, multiplier, shift.
C_CHANNEL_BYTES = 12
# Two tables of 256 int32, and the struct that points to them.
C_ADD_BYTES = 2 * 4 * TABLE_BYTES + 24
# Structs and the call of a kernel, on average.
C_OPERATOR_BYTES = 64
# int32 bias, float32 scale and int64 zero point of the weight, and the same two of the bias.
TFLITE_CHANNEL_BYTES = 4 + 12 + 12
# An operator with its options, its result with name, shape and scale, its constants' shapes and the
# alignment of their buffers.
TFLITE_OPERATOR_BYTES = 350
PLAIN_CHANNEL_BYTES = 12


def flash_bytes(operator: Operator, runtime: str) -> int:
    """Bytes of int8 weights and of all that a runtime stores beside them.

    Args:
        runtime: ``c_static``, arrays and structs of the generated C; ``tflm``, the ``.tflite``
            file, estimated; ``plain``, weights and 12 bytes an output channel (bias, multiplier,
            shift).
    """
    if runtime == "c_static":
        return _c_static(operator)
    weights, channels = operator.weights, operator.out_shape[0] if operator.weights else 0
    if runtime == "tflm":
        return weights + channels * TFLITE_CHANNEL_BYTES + TFLITE_OPERATOR_BYTES
    return weights + channels * PLAIN_CHANNEL_BYTES


def _c_static(operator: Operator) -> int:
    table = 0 if operator.activation in FUSED else TABLE_BYTES
    kernel, channels = operator.kernel, operator.out_shape[0]
    if operator.kind == "depthwise":
        return channels * (kernel**2 + C_CHANNEL_BYTES) + table + C_OPERATOR_BYTES
    if operator.kind in ("conv", "linear"):
        column, outputs = whole_words(kernel**2 * operator.in_shape[0]), channels + channels % 2
        return outputs * (column + C_CHANNEL_BYTES) + table + C_OPERATOR_BYTES
    return C_ADD_BYTES if operator.kind == "add" else C_OPERATOR_BYTES
