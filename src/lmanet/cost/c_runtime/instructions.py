"""Instructions of the generated C from shapes alone, so that latency can be a limit or an objective
before anything is compiled.
"""

from collections import Counter
from collections.abc import Iterable
from math import prod

from lmanet.cost.c_runtime.steps import Pixels, Rows, Step
from lmanet.network.operators import KINDS, Operator, c_kernel
from lmanet.network.operators.conv import blocks, multiply_pieces, words
from lmanet.network.operators.kind import Counts

# Instructions each time that a piece of a kernel runs, compiled by zig for a Cortex-M7. Fitted by
# tests/scripts/fit_instructions.py to 80 networks of both spaces; the sum of a network that it had
# not seen was off by 0.3 % in the median, by 2.1 % at most; by 0.5 and 3.9 % for signals of one row
# (20 networks), by 0.7 and 5.3 % for those of one column (16). To be fitted anew where the kernels
# change: tests/deploy/run/test_instructions.py tells.
INSTRUCTIONS = {
    "call": 167.06,
    "depthwise 1 stride 1: block": 83.79,
    "depthwise 1 stride 2: block": 80.74,
    "depthwise 1x3 stride 1: block": 94.20,
    "depthwise 1x3 stride 2: block": 98.26,
    "depthwise 1x5 stride 1: block": 98.82,
    "depthwise 1x5 stride 2: block": 108.71,
    "depthwise 1x7 stride 1: block": 107.90,
    "depthwise 1x7 stride 2: block": 118.15,
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
    "depthwise 3x1 stride 1: block": 92.94,
    "depthwise 3x1 stride 1: block at the edge": 73.49,
    "depthwise 5x1 stride 1: block": 105.15,
    "depthwise 5x1 stride 1: block at the edge": 124.52,
    "depthwise 7x1 stride 1: block": 124.26,
    "depthwise 7x1 stride 1: block at the edge": 150.98,
    "depthwise: stored": 0.00,
    "depthwise: table": 5.02,
    "gather: pixel": 25.62,
    "gather: row": 120.44,
    "gather words: pixel": 165.67,
    "gather words: row": 37.59,
    "multiply one pixel: two channels": 48.97,
    "multiply one pixel: two channels by four inputs": 16.00,
    "multiply: block": 122.32,
    "multiply: table": 7.23,
    "multiply: two channels": 75.47,
    "multiply: two channels by four inputs": 29.09,
    "transpose: pixel": 17.79,
    "transpose: word": 16.11,
    "widen: pixel": 19.61,
    "widen: word": 10.08,
}


def instruction_table() -> dict[str, float]:
    """Piece -> instructions each time, those of kernels that run one kind of operator included."""
    table = dict(INSTRUCTIONS)
    for kind in KINDS.values():
        if kind.c:
            table |= kind.c.instructions
    return table


def estimated_instructions(steps: Iterable[Step]) -> int:
    """Of one inference by these kernel calls."""
    table = instruction_table()
    return round(sum(table[piece] * times for step in steps for piece, times in _counts(step)))


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
    else:
        counts = kernel_pieces(operator)
    counts.append(("call", 1))
    return counts


def kernel_pieces(operator: Operator) -> Counts:
    """Of the kernel that runs an operator by itself; another that runs it too has the same."""
    return c_kernel(operator).pieces(operator)


def _pixels(block: Pixels) -> Counts:
    counts, pixels = kernel_pieces(block.conv), prod(block.conv.out_shape[1:])
    if block.project:
        column = words(block.project.in_shape[0])
        counts += multiply_pieces(block.project, pixels)
        counts += [("widen: word", pixels * column), ("widen: pixel", pixels)]
    if block.add:
        counts += kernel_pieces(block.add)
    return counts


def _rows(rows: Rows) -> Counts:
    depthwise = rows.depthwise
    channels, in_height, width = depthwise.in_shape
    _, out_height, out_width = depthwise.out_shape
    # rows in between are skipped
    pixels = width * (in_height if depthwise.kernel >= depthwise.stride else out_height)
    counts = kernel_pieces(depthwise)
    if rows.expand:
        counts += multiply_pieces(rows.expand, width, pixels // width)
        counts += [
            ("widen: word", pixels * words(rows.expand.in_shape[0])),
            ("widen: pixel", pixels),
        ]
    else:
        counts += [("transpose: word", pixels * words(channels)), ("transpose: pixel", pixels)]
    if rows.project:
        counts += multiply_pieces(rows.project, out_width, out_height)
    else:
        counts.append(("depthwise: stored", channels * out_height * blocks(out_width)))
    if rows.add:
        counts += kernel_pieces(rows.add)
    return counts
