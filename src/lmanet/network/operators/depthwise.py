"""A depthwise convolution: a window over each channel by itself."""

from itertools import product
from math import prod

from lmanet.errors import DeployError
from lmanet.network.int8 import FUSED
from lmanet.network.operators.builtin import Builtin, Params, Sizes, TfliteShape
from lmanet.network.operators.conv import (
    CHANNEL_BYTES,
    INT16_BYTES,
    OPERATOR_BYTES,
    across_numbers,
    blocks,
    slid,
    table_bytes,
    whole_words,
    window_numbers,
)
from lmanet.network.operators.kind import CKernel, Counts, FilterShape, Operator, OperatorKind

# Window and stride in width of each `lm_depthwise` in `lmanet_kernels.h`; a window of one column
# stands on an image of one column alone, where the stride in width is 1.
WIDE, NARROW = ("1", "3", "5", "7", "1x3", "1x5", "1x7"), ("3x1", "5x1", "7x1")
C_WINDOWS = (*product(WIDE, (1, 2)), *product(NARROW, (1,)))


def filter_shape(operator: Operator) -> FilterShape:
    """Of the weights."""
    height, width = (side.kernel for side in operator.sides)
    return operator.out_shape[0], 1, height, width


def rows_pitch(operator: Operator) -> int:
    """Bytes of one padded row of one channel."""
    return whole_words(operator.in_shape[2] + sum(operator.sides[1].padding))


def numbers(operator: Operator) -> dict[str, dict[str, int]]:
    """Of ``lm_rows_layer``, as far as they follow from the shapes of this operator alone."""
    return {
        "lm_rows_layer": {"pitch": rows_pitch(operator)},
        "lm_window": window_numbers(operator),
        "lm_across": across_numbers(operator),
    }


def window_name(operator: Operator) -> str:
    """Its sides as its C function is named: ``3``, or ``1x3`` where they differ."""
    height, width = (side.kernel for side in operator.sides)
    return str(height) if height == width else f"{height}x{width}"


def kernel_name(operator: Operator) -> str:
    """Window and stride in width, as the C function ``lm_depthwise_...`` has them: ``1x3_2``.

    Raises:
        DeployError: there is no such function. No network of a search space has one: its windows
            are square, or of one pixel along a side of one pixel.
    """
    window, stride = window_name(operator), operator.sides[1].stride
    if (window, stride) not in C_WINDOWS:
        raise DeployError(
            f"{operator.name}: a depthwise convolution has the kernel {window} and the stride "
            f"{stride} in width; legal are kernels {', '.join(WIDE)} with stride 1 or 2, and "
            f"{', '.join(NARROW)} with stride 1; build the network with one of these"
        )
    return f"{window}_{stride}"


def flash_bytes(operator: Operator) -> int:
    """Weights, the constants of each channel, and the table."""
    filters = operator.out_shape[0] * (operator.window + CHANNEL_BYTES)
    return filters + table_bytes(operator) + OPERATOR_BYTES


def pieces(operator: Operator) -> Counts:
    """Blocks of pixels of each channel; those whose window leaves the image above or below run
    other code.

    Raises:
        DeployError: the generated C has no such window.
    """
    kernel, stride, before = operator.kernel, operator.stride, operator.padding[0]
    channels, height, width = operator.out_shape
    last = min(height - 1, (operator.in_shape[1] + before - kernel) // stride)
    inside = max(0, last + 1 - -(-before // stride))
    row = channels * blocks(width)
    window, _, across = kernel_name(operator).partition("_")
    name = f"depthwise {window} stride {across}: block"
    counts = [(name, row * inside)]
    if edge := row * (height - inside):
        counts.append((f"{name} at the edge", edge))
    if operator.activation not in FUSED:
        counts.append(("depthwise: table", row * height))
    return counts


def cmsis_nn_scratch(
    kernel: tuple[int, int], in_shape: TfliteShape, out_shape: TfliteShape
) -> tuple[int, ...]:
    """arm_depthwise_conv_s8_opt: one window of all channels as int16; 3x3 has a kernel that needs
    none.
    """
    return () if kernel == (3, 3) else (prod(kernel) * in_shape[-1] * INT16_BYTES,)


KIND = OperatorKind(
    name="depthwise",
    shape=slid,
    filter_shape=filter_shape,
    fused_as="depthwise",
    # ``lm_rows`` runs it row by row, with or without what stands around it: scratch memory and
    # distance follow from all of that (`lmanet.cost.c_runtime.steps`).
    c=CKernel(
        name="rows",
        bits={"lm_rows_layer": {"in_channels": 16, "pitch": 16, "halves": 16}},
        numbers=numbers,
        constants=None,
        flash_bytes=flash_bytes,
        pieces=pieces,
    ),
    tflite=Builtin(
        name="DEPTHWISE_CONV_2D",
        version=3,
        cortex_m=Sizes(56, Params(28, 4)),
        host=Sizes(80, Params(28, 4)),  # with the fields for compressed weights, as the wheel has
        cmsis_nn_op_data=60,  # the index of a scratch buffer is more
        options="DepthwiseConv2DOptions",
        settings=("padding", "stride_width", "stride_height", 1, "activation"),
        cmsis_nn_scratch=cmsis_nn_scratch,
        weight_axes=(1, 2, 3, 0),
        quantized_axis=3,
        channel_op_data=True,
        pads=True,
    ),
)
