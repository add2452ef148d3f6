"""Instructions of the generated C from shapes alone, so that latency can be a limit or an objective before anything is compiled."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod

from lmanet.space.c_steps import Rows, Step
from lmanet.space.graph import Operator
from lmanet.space.int8 import FUSED
from lmanet.space.scratch import BLOCK_PIXELS

# Instructions each time that a piece of a kernel runs, on a Cortex-M7.
INSTRUCTIONS: Mapping[str, float] = {}


def estimated_instructions(steps: Iterable[Step]) -> int:
    """Of one inference with these kernel calls."""
    return round(sum(INSTRUCTIONS[piece] * times for step in steps for piece, times in pieces(step).items()))


def pieces(step: Step) -> Counter[str]:
    """How often each piece of a kernel runs in one call of it."""
    operator = step.operators[0]
    if step.rows:
        return _rows(step.rows)
    if step.kind == "conv":
        return _conv(operator)
    elements = prod(operator.in_shape)
    if step.kind == "mean":
        return Counter({"call": 1, "mean: four values": elements // 4, "mean: channel": operator.in_shape[0]})
    return Counter({"call": 1, f"{step.kind}: value": elements})


def _conv(operator: Operator) -> Counter[str]:
    pixels, window = prod(operator.out_shape[1:]), operator.kernel**2 * operator.in_shape[0]
    counts = Counter({"call": 1}) + _multiply(operator, pixels // BLOCK_PIXELS, pixels % BLOCK_PIXELS)
    counts["widen: word"] = pixels * _words(window)
    if operator.kernel == operator.stride == 1:
        counts["widen: pixel"] = pixels
    else:
        counts["gather: pixel"] = pixels
        counts["gather: row"] = pixels * operator.kernel
    return counts


def _rows(rows: Rows) -> Counter[str]:
    depthwise = rows.depthwise
    channels, in_height, in_width = depthwise.in_shape
    _, height, width = depthwise.out_shape
    read = in_height if depthwise.kernel >= depthwise.stride else height  # rows in between are skipped
    counts = Counter({"call": 1})
    if rows.expand:
        counts += _scaled(_multiply(rows.expand, in_width // BLOCK_PIXELS, in_width % BLOCK_PIXELS), read)
        counts["widen: word"] += read * in_width * _words(rows.expand.in_shape[0])
        counts["widen: pixel"] += read * in_width
    else:
        counts["transpose: word"] = read * in_width * _words(channels)
        counts["transpose: pixel"] = read * in_width
    blocks = height * -(-width // BLOCK_PIXELS)
    inner = max(
        0,
        min(height, (in_height + depthwise.padding[0] - depthwise.kernel) // depthwise.stride + 1)
        - -(-depthwise.padding[0] // depthwise.stride),
    )
    share = blocks // height
    counts[f"depthwise {depthwise.kernel} stride {depthwise.stride}: block"] = channels * share * inner
    counts[f"depthwise {depthwise.kernel} stride {depthwise.stride}: block at the edge"] = channels * share * (height - inner)
    counts["depthwise: table"] = channels * blocks * (depthwise.activation not in FUSED)
    if rows.project:
        counts += _scaled(_multiply(rows.project, width // BLOCK_PIXELS, width % BLOCK_PIXELS), height)
        counts["add: value"] += prod(rows.project.out_shape) * (rows.add is not None)
    else:
        counts["depthwise: stored"] = channels * blocks
    return counts


def _multiply(operator: Operator, blocks: int, rest: int) -> Counter[str]:
    """Columns of pixels times weights: whole blocks of pixels, and a block of what is left."""
    column, pairs = _words(operator.kernel**2 * operator.in_shape[0]), -(-operator.out_shape[0] // 2)
    table = operator.activation not in FUSED
    blocks, single = blocks + (rest > 1), rest == 1
    return Counter(
        {
            "multiply: block": blocks,
            "multiply: two channels": blocks * pairs,
            "multiply: two channels by four inputs": blocks * pairs * column,
            "multiply: table": blocks * pairs * table,
            "multiply one pixel: two channels": single * pairs,
            "multiply one pixel: two channels by four inputs": single * pairs * column,
        }
    )


def _scaled(counts: Counter[str], times: int) -> Counter[str]:
    return Counter({piece: count * times for piece, count in counts.items()})


def _words(size: int) -> int:
    return -(-size // 4)
