"""Bytes of scratch memory that kernels of our C take that run several operators; `lmanet_kernels.c`
divides them up in the same order. Those of one operator stand with its kind.
"""

from lmanet.network.operators import Operator
from lmanet.network.operators.conv import (
    BLOCK_PIXELS,
    INT16_BYTES,
    block_pixels,
    column_bytes,
    whole_words,
    window_bytes,
)
from lmanet.network.operators.depthwise import rows_pitch

# A depthwise convolution computes whole blocks of pixels, and reads this far past the last row for
# those that do not exist: 3 pixels at stride 2, and the rest of a word.
OVERREAD_BYTES = 8


def pixels_scratch_bytes(conv: Operator, project: Operator | None, adds: bool) -> int:
    """Of ``lm_pixels``: a block of columns, and a place after it.

    That holds, one after the other, a window, a block to be projected, and a block of sums.
    """
    column = max(column_bytes(operator) for operator in (conv, project) if operator)
    hidden = conv.out_shape[0] if project else 0
    sums = (project or conv).out_shape[0] if adds else 0
    pixels = block_pixels(conv)
    return pixels * column * INT16_BYTES + max(window_bytes(conv), pixels * hidden, pixels * sums)


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
