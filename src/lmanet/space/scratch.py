"""Bytes of scratch memory that each kernel of our generated C takes; `lmanet_kernels.c` divides them up in the same order."""

from lmanet.space.graph import Operator

# Pixels that are multiplied at once, each a column of int16.
BLOCK_PIXELS = 4
INT16_BYTES = 2


def conv_scratch_bytes(operator: Operator) -> int:
    """Of ``lm_conv``: a block of columns, and for a kernel above 1x1 the bytes of one column before they are widened."""
    pixels = operator.out_shape[1] * operator.out_shape[2]
    column = _whole_words(operator.kernel**2 * operator.in_shape[0])
    gathered = 0 if operator.kernel == operator.stride == 1 else column
    return (BLOCK_PIXELS if pixels >= BLOCK_PIXELS else 1) * column * INT16_BYTES + gathered


def rows_scratch_bytes(expand: Operator | None, depthwise: Operator, project: Operator | None) -> int:
    """Of ``lm_rows``: a ring of input rows by channel, one row of padding, one row of output, a block of columns."""
    channels, height, _ = depthwise.in_shape
    pitch = rows_pitch(depthwise)
    ring = min(depthwise.kernel, height) * channels * pitch
    row = _whole_words(depthwise.out_shape[2] * channels) if project else 0
    columns = [_whole_words(operator.in_shape[0]) for operator in (expand, project) if operator]
    return ring + pitch + row + BLOCK_PIXELS * INT16_BYTES * max(columns, default=0)


def rows_pitch(depthwise: Operator) -> int:
    """Bytes of one padded row of one channel; the kernel reads whole words, at the last output beyond the row's end."""
    read = 4 if depthwise.kernel <= 3 else 8
    width = depthwise.in_shape[2] + sum(depthwise.padding)
    return _whole_words(max(width, (depthwise.out_shape[2] - 1) * depthwise.stride + read))


def _whole_words(size: int) -> int:
    return -(-size // 4) * 4
