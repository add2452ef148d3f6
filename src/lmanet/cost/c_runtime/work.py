"""Kernel calls -> the buffers that they need, the orders in which these may be placed, and where
they then lie in the one arena that they share: first fit.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from lmanet.cost.c_runtime.steps import Step
from lmanet.network.graph import INPUT

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


class Work:
    """Calls in some order, and the buffers that they need: the input, then what each call makes,
    then the scratch of each.

    The input is the image, or of calls in the middle of a network what is made before them.

    Attributes:
        reads: numbers of the buffers that each call reads.
        need: bytes of all buffers that are kept while each call runs; ``kept``: how many of them
            have any.
        bound: the same, less what the call may save by writing over its input: no layout takes
            less.
    """

    def __init__(self, steps: tuple[Step, ...], in_place: bool) -> None:
        self.steps = steps
        self.in_place = in_place
        self.made = {INPUT: 0} | {step.output: i for i, step in enumerate(steps, start=1)}
        self.reads = [[self.made.get(name, 0) for name in step.inputs] for step in steps]
        self.need: list[int] = []
        self.kept: list[int] = []
        self.bound: list[int] = []
        self.buffers = self._tensors() + [
            Buffer(step.scratch_bytes, i, i) for i, step in enumerate(steps)
        ]

    def _tensors(self) -> list[Buffer]:
        last_use = [len(self.steps) - 1] * (len(self.steps) + 1)
        for i, reads in enumerate(self.reads):
            for number in reads:
                last_use[number] = i
        tensors = [Buffer(prod(self.steps[0].operators[0].in_shape), 0, last_use[0])]
        alive, count = tensors[0].size, 1
        for i, (step, reads) in enumerate(zip(self.steps, self.reads, strict=True)):
            size, scratch, over = step.output_bytes, step.scratch_bytes, None
            dying = {number for number in reads if last_use[number] == i}
            if self.in_place and step.distance is not None:
                over = next(
                    (number for number in reads[: step.overwritable] if number in dying),
                    None,
                )
            tensors.append(Buffer(size, i, last_use[i + 1], over, step.distance or 0))
            alive, count = alive + size, count + 1
            self.need.append(alive + scratch)
            self.kept.append(count + (scratch > 0))
            self.bound.append(
                alive + scratch - (0 if over is None else _saved(step, tensors[over].size))
            )
            alive, count = alive - sum(tensors[number].size for number in dying), count - len(dying)
        return tensors

    @property
    def least_bytes(self) -> int:
        """Bytes that the calls take at least, in whatever order they run."""
        least = 0
        for step, reads in zip(self.steps, self.reads, strict=True):
            sizes = [self.buffers[number].size for number in dict.fromkeys(reads)]
            least = max(
                least,
                step.scratch_bytes
                + step.output_bytes
                + sum(sizes)
                - (_saved(step, sizes[0]) if self.in_place else 0),
            )
        return least

    def orders(self) -> Iterator[list[int]]:
        """In which the buffers may be placed: the largest first, or those of the call that needs
        most.
        """
        yield sorted(range(len(self.buffers)), key=lambda number: -self.buffers[number].size)
        order: dict[int, None] = {}
        for i in sorted(range(len(self.steps)), key=lambda i: -self.need[i]):
            # What a call makes comes before what that may overwrite.
            order |= dict.fromkeys((i + 1, *self.reads[i], len(self.steps) + 1 + i))
        yield list(order)

    def decisive(self, order: list[int]) -> list[int]:
        """Buffers that can determine the size of the arena, and those placed around them, in the
        order given.

        First fit leaves no gap below a buffer that would hold it. So a buffer ends at the latest
        after all that is kept while it is, and as many gaps, each smaller than itself. Where that
        is below the bound of all calls, it does not count, unless one that counts is placed after
        it.
        """
        bound, steps = max(self.bound), self.steps
        avoided = [False] * len(steps)
        decisive = []
        for number in reversed(order):
            size, first, last, *_ = self.buffers[number]
            if not size:
                continue
            most, kept = self.need[first], self.kept[first]
            counts = avoided[first]
            for i in range(first + 1, last + 1):
                most += steps[i].output_bytes + steps[i].scratch_bytes
                kept += 2
                counts = counts or avoided[i]
            if counts or most + kept * (size + 2 * BUFFER_ALIGNMENT) >= bound:
                decisive.append(number)
                avoided[first : last + 1] = [True] * (last + 1 - first)
        decisive.reverse()
        return decisive


def _saved(step: Step, read: int) -> int:
    """Most bytes that a call saves by writing over an input of so many bytes."""
    made = step.output_bytes
    return 0 if step.distance is None else max(made + read - max(made, step.distance + read), 0)


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
    # of these, those kept from this step on
    begun: list[list[_Placed]] = [[] for _ in range(steps)]
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
