"""An ordinary convolution: a window over all channels, times weights."""

from collections.abc import Iterable
from math import prod

from lmanet.network.int8 import FUSED
from lmanet.network.operators.builtin import Builtin, Params, Sizes, TfliteShape
from lmanet.network.operators.kind import (
    CKernel,
    Counts,
    FilterShape,
    Form,
    Operator,
    OperatorKind,
    Shape,
    Side,
)

# Pixels that the C multiplies at once, each a column of int16.
BLOCK_PIXELS = 4
INT16_BYTES = 2
# `lm_channel`: int32 bias, multiplier, shift.
CHANNEL_BYTES = 12
TABLE_BYTES = 256
# Structs and the call of a kernel, on average.
OPERATOR_BYTES = 64


def slid(in_shape: Shape, form: Form) -> Shape:
    """Shape of what a window makes that slides over an image."""
    height, width = (
        (size + sum(side.padding) - side.kernel) // side.stride + 1
        for size, side in zip(in_shape[1:], form.sides, strict=True)
    )
    return form.channels, height, width


def filter_shape(operator: Operator) -> FilterShape:
    """Of the weights."""
    height, width = (side.kernel for side in operator.sides)
    return operator.out_shape[0], operator.in_shape[0], height, width


def is_pointwise(operator: Operator) -> bool:
    """Whether it reads pixel for pixel what it makes."""
    return operator.sides == (Side(), Side())


def reads_pixels(operator: Operator) -> bool:
    """Whether its window and its strides are of one pixel: its kernel then reads the image front to
    back.
    """
    return all(side.kernel == side.stride == 1 for side in operator.sides)


def whole_words(size: int) -> int:
    """Bytes filled up to a multiple of 4."""
    return -(-size // 4) * 4


def words(size: int) -> int:
    """Words of so many bytes."""
    return -(-size // 4)


def blocks(pixels: int) -> int:
    """In which so many pixels are multiplied."""
    return -(-pixels // BLOCK_PIXELS)


def block_pixels(operator: Operator) -> int:
    """Pixels that a convolution makes at once: one where its result has no whole block."""
    return BLOCK_PIXELS if operator.out_shape[1] * operator.out_shape[2] >= BLOCK_PIXELS else 1


def column_bytes(operator: Operator) -> int:
    """Inputs of one output, filled up."""
    return whole_words(operator.window * operator.in_shape[0])


def window_bytes(operator: Operator) -> int:
    """Scratch memory for one window, where its pixels do not fill whole words."""
    return 0 if reads_pixels(operator) or operator.in_shape[0] % 4 == 0 else column_bytes(operator)


def scratch_bytes(operator: Operator) -> int:
    """Of ``lm_conv``: a block of columns, and the bytes of one window where its pixels do not fill
    whole words.
    """
    columns = block_pixels(operator) * column_bytes(operator) * INT16_BYTES
    return columns + window_bytes(operator)


def distance(operator: Operator) -> int:
    """As `distance_making`, of a convolution by itself."""
    return distance_making(operator, operator.out_shape[0])


def distance_making(operator: Operator, channels: int) -> int:
    """Most bytes by which output is ahead of input after a block of pixels but the last, where each
    pixel made has so many channels.
    """
    (_, height, width), block = operator.out_shape, block_pixels(operator)
    last = (height * width - 1) // block * block
    if reads_pixels(operator):
        return whole_words(max(channels - operator.in_shape[0], 0) * last)
    if operator.across and operator.in_shape[1] == operator.out_shape[1] == 1:
        return whole_words(_ahead_in_row(operator, channels, range(block, last + 1, block)))
    in_row = operator.in_shape[0] * operator.in_shape[2]
    ahead = 0
    for row in range(height):
        # Of the blocks that end in one row of pixels the last is the furthest ahead.
        done = ((row + 1) * width - 1) // block * block
        ahead = max(
            ahead, done * channels - max(row * operator.stride - operator.padding[0], 0) * in_row
        )
    return whole_words(ahead)


def _ahead_in_row(operator: Operator, channels: int, ends: Iterable[int]) -> int:
    """The same of a signal, which is one row: after each block that ends before one of ``ends``,
    the window of the next pixel begins the bytes that are still to be read.
    """
    side, inputs = operator.sides[1], operator.in_shape[0]
    ahead = (end * channels - max(end * side.stride - side.padding[0], 0) * inputs for end in ends)
    return max(ahead, default=0)


def dense_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_dense``, as far as they follow from shapes."""
    inputs = operator.window * operator.in_shape[0]
    return {"inputs": inputs, "column": whole_words(inputs), "outputs": operator.out_shape[0]}


def window_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_window``."""
    (channels, height, width), (_, out_height, out_width) = operator.in_shape, operator.out_shape
    image = {
        "in_height": height,
        "in_width": width,
        "in_channels": channels,
        "out_height": out_height,
        "out_width": out_width,
    }
    window = {"kernel": operator.kernel, "stride": operator.stride, "before": operator.padding[0]}
    return {**image, **window}


def numbers(operator: Operator) -> dict[str, dict[str, int]]:
    """Of ``lm_conv_layer``."""
    return {
        "lm_dense": dense_numbers(operator),
        "lm_window": window_numbers(operator),
        "lm_across": across_numbers(operator),
    }


def flash_bytes(operator: Operator) -> int:
    """Weights by pairs of output channels, the constants of each channel, and the table."""
    outputs = operator.out_shape[0] + operator.out_shape[0] % 2
    filters = outputs * (column_bytes(operator) + CHANNEL_BYTES)
    return filters + table_bytes(operator) + OPERATOR_BYTES


def table_bytes(operator: Operator) -> int:
    """Of an activation that is a table."""
    return 0 if operator.activation in FUSED else TABLE_BYTES


def pieces(operator: Operator) -> Counts:
    """Columns are gathered and widened to int16, then multiplied."""
    pixels = prod(operator.out_shape[1:])
    counts = multiply_pieces(operator, pixels)
    counts.append(("widen: word", pixels * words(operator.window * operator.in_shape[0])))
    if reads_pixels(operator):
        counts.append(("widen: pixel", pixels))
    else:
        piece = "gather" if operator.in_shape[0] % 4 else "gather words"
        counts += [(f"{piece}: pixel", pixels), (f"{piece}: row", pixels * operator.kernel)]
    return counts


def multiply_pieces(operator: Operator, pixels: int, rows: int = 1) -> Counts:
    """Columns of neighbouring pixels of each row times weights; a pixel that is left alone runs
    other code than a block.
    """
    column = words(operator.window * operator.in_shape[0])
    pairs = -(-operator.out_shape[0] // 2)
    counts: Counts = []
    single = pixels % BLOCK_PIXELS == 1
    if whole := (blocks(pixels) - single) * rows:
        counts += [
            ("multiply: block", whole),
            ("multiply: two channels", whole * pairs),
            ("multiply: two channels by four inputs", whole * pairs * column),
        ]
        if operator.activation not in FUSED:
            counts.append(("multiply: table", whole * pairs))
    if single:
        counts += [
            ("multiply one pixel: two channels", rows * pairs),
            ("multiply one pixel: two channels by four inputs", rows * pairs * column),
        ]
    return counts


def across_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_across``: the window in width."""
    side = operator.sides[1]
    return {"kernel": side.kernel, "stride": side.stride, "before": side.padding[0]}


def cmsis_nn_scratch(
    kernel: tuple[int, int], in_shape: TfliteShape, out_shape: TfliteShape
) -> tuple[int, ...]:
    """arm_convolve_s8: two columns of the input as int16, each filled up to four values."""
    column = whole_words(prod(kernel) * in_shape[-1])
    return (2 * column * INT16_BYTES,) if prod(kernel) > 1 else ()


CONV = CKernel(
    name="conv",
    bits={
        "lm_dense": {"inputs": 16, "column": 16, "outputs": 16, "halves": 16},
        "lm_window": {
            **dict.fromkeys(("in_height", "in_width", "in_channels"), 16),
            **dict.fromkeys(("out_height", "out_width"), 16),
            **dict.fromkeys(("kernel", "stride", "before", "zero"), 8),
        },
        "lm_across": dict.fromkeys(("kernel", "stride", "before"), 8),
    },
    numbers=numbers,
    constants=None,
    flash_bytes=flash_bytes,
    scratch_bytes=scratch_bytes,
    distance=distance,
    pieces=pieces,
)
KIND = OperatorKind(
    name="conv",
    shape=slid,
    filter_shape=filter_shape,
    fused_as="window",
    c=CONV,
    tflite=Builtin(
        name="CONV_2D",
        version=3,
        cortex_m=Sizes(56, Params(28, 4)),
        host=Sizes(80, Params(28, 4)),  # with the fields for compressed weights, as the wheel has
        cmsis_nn_op_data=60,  # the index of a scratch buffer is more
        options="Conv2DOptions",
        settings=("padding", "stride_width", "stride_height", "activation"),
        cmsis_nn_scratch=cmsis_nn_scratch,
        channel_op_data=True,
        pads=True,
    ),
)
