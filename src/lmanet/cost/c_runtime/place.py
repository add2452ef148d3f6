"""Where buffers lie that share one arena: first fit, in an order that is given."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Bytes: every buffer starts at a multiple of it.
BUFFER_ALIGNMENT = 4


class Buffer(NamedTuple):
    """Bytes that are kept from one step to another, both included.

    Attributes:
        over: number of the buffer that it may overwrite while it is made.
        distance: bytes before the start of ``over`` at which it must then start.
    """

    size: int
    first: int
    last: int
    over: int | None = None
    distance: int = 0


# First byte, the first free place after it, number, `Buffer.over` and `Buffer.distance`.
_Placed = tuple[int, int, int, int | None, int]


def first_fit(
    buffers: Sequence[Buffer], order: Iterable[int], limit: int | None = None
) -> list[int] | None:
    """First byte of each buffer, put one after the other at the lowest place that is free while it
    is kept.

    Args:
        order: numbers of the buffers; what has no bytes lies at 0 and may be left out.
        limit: give up, and give None, as soon as a buffer ends after this byte.
    """
    steps = 1 + max(buffer.last for buffer in buffers)
    kept: list[list[_Placed]] = [[] for _ in range(steps)]  # at each step: those placed so far
    begun: list[list[_Placed]] = [
        [] for _ in range(steps)
    ]  # of these, those kept from this step on
    starts = [0] * len(buffers)
    for number in order:
        size, first, last, over, distance = buffers[number]
        if not size:
            continue
        others = kept[first]
        if last > first:
            others = others + [other for later in begun[first + 1 : last + 1] for other in later]
        start = _lowest(number, buffers[number], others)
        if limit is not None and start + size > limit:
            return None
        starts[number] = start
        placed = (
            start,
            -(-(start + size) // BUFFER_ALIGNMENT) * BUFFER_ALIGNMENT,
            number,
            over,
            distance,
        )
        begun[first].append(placed)
        for at_step in kept[first : last + 1]:
            at_step.append(placed)
    return starts


def _lowest(number: int, buffer: Buffer, others: Iterable[_Placed]) -> int:
    """Lowest place at which a buffer meets none of the others but one that it may overwrite, or
    that may overwrite it.
    """
    size, _, _, over, distance = buffer
    # A start between two such bounds, both excluded, would destroy one of the two.
    bounds = []
    for start, end, other, other_over, other_distance in others:
        if other == over:
            bounds.append((start - distance, end))
        elif other_over == number:
            bounds.append((start - size, start + other_distance))
        else:
            bounds.append((start - size, end))
    bounds.sort()
    lowest = 0
    for low, high in bounds:
        if low < lowest < high:
            lowest = high
    return lowest


def aligned(size: int, to: int) -> int:
    """Bytes filled up to a multiple of ``to``."""
    return -(-size // to) * to
