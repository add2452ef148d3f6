"""Bytes of scratch memory that each kernel of our generated C takes; `lmanet_kernels.c` divides
them up in the same order.
"""

from lmanet.network.graph import Operator

# Pixels that are multiplied at once, each a column of int16.
BLOCK_PIXELS = 4
INT16_BYTES = 2
# A depthwise convolution computes whole blocks of pixels, and reads this far past the last row for
# those that do not exist: 3 pixels at stride 2, and the rest of a word.
OVERREAD_BYTES = 8


def conv_scratch_bytes(operator: Operator) -> int:
    """Of ``lm_conv``: a block of columns, and the bytes of one window where its pixels do not fill
    whole words.
    """
    return block_pixels(operator) * _column(operator) * INT16_BYTES + _window_bytes(operator)


def pixels_scratch_bytes(conv: Operator, project: Operator | None, adds: bool) -> int:
    """Of ``lm_pixels``: a block of columns, and a place after it.

    That holds, one after the other, a window, a block to be projected, and a block of sums.
    """
    column = max(_column(operator) for operator in (conv, project) if operator)
    hidden = conv.out_shape[0] if project else 0
    sums = (project or conv).out_shape[0] if adds else 0
    pixels = block_pixels(conv)
    return pixels * column * INT16_BYTES + max(_window_bytes(conv), pixels * hidden, pixels * sums)


def rows_scratch_bytes(
    expand: Operator | None, depthwise: Operator, project: Operator | None
) -> int:
    """Of ``lm_rows``: a ring of input rows by channel, a block of columns, and a block of output
    before the input is added.
    """
    channels, height, _ = depthwise.in_shape
    ring = min(depthwise.kernel, height) * channels * rows_pitch(depthwise)
    columns = [
        BLOCK_PIXELS * INT16_BYTES * whole_words(operator.in_shape[0])
        for operator in (expand, project)
        if operator
    ]
    sums = BLOCK_PIXELS * project.out_shape[0] if project else 0
    return ring + max([*columns, OVERREAD_BYTES]) + sums


def rows_pitch(depthwise: Operator) -> int:
    """Bytes of one padded row of one channel."""
    return whole_words(depthwise.in_shape[2] + sum(depthwise.padding))


def block_pixels(operator: Operator) -> int:
    """Pixels that a convolution makes at once: one where its result has no whole block."""
    return BLOCK_PIXELS if operator.out_shape[1] * operator.out_shape[2] >= BLOCK_PIXELS else 1


def _column(operator: Operator) -> int:
    return whole_words(operator.kernel**2 * operator.in_shape[0])


def _window_bytes(operator: Operator) -> int:
    pointwise = operator.kernel == operator.stride == 1
    return 0 if pointwise or operator.in_shape[0] % 4 == 0 else _column(operator)


def whole_words(size: int) -> int:
    """Bytes filled up to a multiple of 4."""
    return -(-size // 4) * 4
