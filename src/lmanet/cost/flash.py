"""Flash that the constants of an operator take under a runtime; code is the target's
``runtime_flash_bytes``.
"""

from lmanet.network.operators import Operator, c_kernel

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
        return c_kernel(operator).flash_bytes(operator)
    weights = operator.weights
    channels = operator.out_shape[0] if weights else 0
    if runtime == "tflm":
        return weights + channels * TFLITE_CHANNEL_BYTES + TFLITE_OPERATOR_BYTES
    return weights + channels * PLAIN_CHANNEL_BYTES
