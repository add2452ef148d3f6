"""Instructions of the generated C from shapes alone, so that latency can be a limit or an objective
before anything is compiled.
"""

from collections import Counter
from collections.abc import Iterable
from math import prod

from lmanet.cost.c_runtime.scratch import BLOCK_PIXELS
from lmanet.cost.c_runtime.steps import Pixels, Rows, Step
from lmanet.network.graph import Operator
from lmanet.network.int8 import FUSED

# Instructions each time that a piece of a kernel runs, compiled by zig for a Cortex-M7. Fitted by
# tests/scripts/fit_instructions.py to 80 networks of both spaces; the sum of a network that it had
# not seen was off by 0.3 % in the median, by 2.1 % at most. To be fitted anew where the kernels
# change: tests/deploy/test_c_instructions.py tells.
INSTRUCTIONS = {
    "add: value": 13.14,
    "call": 167.06,
    "depthwise 1 stride 1: block": 83.79,
    "depthwise 1 stride 2: block": 80.74,
    "depthwise 3 stride 1: block": 128.20,
    "depthwise 3 stride 1: block at the edge": 145.04,
    "depthwise 3 stride 2: block": 137.20,
    "depthwise 3 stride 2: block at the edge": 171.97,
    "depthwise 5 stride 1: block": 213.74,
    "depthwise 5 stride 1: block at the edge": 240.38,
    "depthwise 5 stride 2: block": 238.54,
    "depthwise 5 stride 2: block at the edge": 272.06,
    "depthwise 7 stride 1: block": 343.30,
    "depthwise 7 stride 1: block at the edge": 370.44,
    "depthwise 7 stride 2: block": 394.06,
    "depthwise 7 stride 2: block at the edge": 451.31,
    "depthwise: stored": 0.00,
    "depthwise: table": 5.02,
    "gather: pixel": 25.62,
    "gather: row": 120.44,
    "gather words: pixel": 165.67,
    "gather words: row": 37.59,
    "mean: channel": 67.70,
    "mean: four values": 7.16,
    "multiply one pixel: two channels": 48.97,
    "multiply one pixel: two channels by four inputs": 16.00,
    "multiply: block": 122.32,
    "multiply: table": 7.23,
    "multiply: two channels": 75.47,
    "multiply: two channels by four inputs": 29.09,
    "scale: value": 12.51,
    "transpose: pixel": 17.79,
    "transpose: word": 16.11,
    "widen: pixel": 19.61,
    "widen: word": 10.08,
}


Counts = list[tuple[str, int]]


def estimated_instructions(steps: Iterable[Step]) -> int:
    """Of one inference by these kernel calls."""
    return round(
        sum(INSTRUCTIONS[piece] * times for step in steps for piece, times in _counts(step))
    )


def pieces(step: Step) -> Counter[str]:
    """How often each piece of a kernel runs in one call of it; a piece that does not run is not
    there.
    """
    counts: Counter[str] = Counter()
    for piece, times in _counts(step):
        counts[piece] += times
    return +counts


def _counts(step: Step) -> Counts:
    """The same, where a piece may be named several times, or not run."""
    operator = step.operators[0]
    if step.rows:
        counts = _rows(step.rows)
    elif step.pixels:
        counts = _pixels(step.pixels)
    elif step.kind == "conv":
        counts = _conv(operator)
    elif step.kind == "mean":
        counts = [
            ("mean: four values", prod(operator.in_shape) // 4),
            ("mean: channel", operator.in_shape[0]),
        ]
    else:
        counts = [(f"{step.kind}: value", prod(operator.in_shape))]
    counts.append(("call", 1))
    return counts


def _conv(operator: Operator) -> Counts:
    _, height, width = operator.out_shape
    pixels = height * width
    counts = _multiply(operator, pixels)
    counts.append(("widen: word", pixels * _words(operator.kernel**2 * operator.in_shape[0])))
    if operator.kernel == operator.stride == 1:
        counts.append(("widen: pixel", pixels))
    else:
        piece = "gather" if operator.in_shape[0] % 4 else "gather words"
        counts += [(f"{piece}: pixel", pixels), (f"{piece}: row", pixels * operator.kernel)]
    return counts


def _pixels(block: Pixels) -> Counts:
    counts, pixels = _conv(block.conv), prod(block.conv.out_shape[1:])
    if block.project:
        words = _words(block.project.in_shape[0])
        counts += _multiply(block.project, pixels)
        counts += [("widen: word", pixels * words), ("widen: pixel", pixels)]
    if block.add:
        counts.append(("add: value", prod(block.add.out_shape)))
    return counts


def _rows(rows: Rows) -> Counts:
    depthwise = rows.depthwise
    channels, in_height, width = depthwise.in_shape
    _, out_height, out_width = depthwise.out_shape
    pixels = width * (
        in_height if depthwise.kernel >= depthwise.stride else out_height
    )  # rows in between are skipped
    counts = _depthwise(depthwise)
    if rows.expand:
        counts += _multiply(rows.expand, width, pixels // width)
        counts += [
            ("widen: word", pixels * _words(rows.expand.in_shape[0])),
            ("widen: pixel", pixels),
        ]
    else:
        counts += [("transpose: word", pixels * _words(channels)), ("transpose: pixel", pixels)]
    if rows.project:
        counts += _multiply(rows.project, out_width, out_height)
    else:
        counts.append(("depthwise: stored", channels * out_height * _blocks(out_width)))
    if rows.add:
        counts.append(("add: value", prod(rows.add.out_shape)))
    return counts


def _depthwise(operator: Operator) -> Counts:
    """Blocks of pixels of each channel; those whose window leaves the image above or below run
    other code.
    """
    kernel, stride, before = operator.kernel, operator.stride, operator.padding[0]
    channels, height, width = operator.out_shape
    last = min(height - 1, (operator.in_shape[1] + before - kernel) // stride)
    inside = max(0, last + 1 - -(-before // stride))
    row, name = channels * _blocks(width), f"depthwise {kernel} stride {stride}: block"
    counts = [(name, row * inside)]
    if edge := row * (height - inside):
        counts.append((f"{name} at the edge", edge))
    if operator.activation not in FUSED:
        counts.append(("depthwise: table", row * height))
    return counts


def _multiply(operator: Operator, pixels: int, rows: int = 1) -> Counts:
    """Columns of neighbouring pixels of each row times weights; a pixel that is left alone runs
    other code than a block.
    """
    column, pairs = (
        _words(operator.kernel**2 * operator.in_shape[0]),
        -(-operator.out_shape[0] // 2),
    )
    counts: Counts = []
    single = pixels % BLOCK_PIXELS == 1
    if blocks := (_blocks(pixels) - single) * rows:
        counts += [
            ("multiply: block", blocks),
            ("multiply: two channels", blocks * pairs),
            ("multiply: two channels by four inputs", blocks * pairs * column),
        ]
        if operator.activation not in FUSED:
            counts.append(("multiply: table", blocks * pairs))
    if single:
        counts += [
            ("multiply one pixel: two channels", rows * pairs),
            ("multiply one pixel: two channels by four inputs", rows * pairs * column),
        ]
    return counts


def _blocks(pixels: int) -> int:
    return -(-pixels // BLOCK_PIXELS)


def _words(size: int) -> int:
    return -(-size // 4)
