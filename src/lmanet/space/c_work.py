"""Kernel calls -> the buffers that they need, in the orders in which these may be placed."""

from collections.abc import Iterator
from math import prod

from lmanet.space.c_place import BUFFER_ALIGNMENT, Buffer
from lmanet.space.c_steps import Step
from lmanet.space.graph import INPUT


class Work:
    """Calls in some order, and the buffers that they need: the input, then what each call makes, then the scratch of each.

    The input is the image, or of calls in the middle of a network what is made before them.

    Attributes:
        reads: numbers of the buffers that each call reads.
        need: bytes of all buffers that are kept while each call runs; ``kept``: how many of them have any.
        bound: the same, less what the call may save by writing over its input: no layout takes less.
    """

    def __init__(self, steps: tuple[Step, ...], in_place: bool) -> None:
        self.steps = steps
        self.in_place = in_place
        self.made = {INPUT: 0} | {step.output: i for i, step in enumerate(steps, start=1)}
        self.reads = [[self.made.get(name, 0) for name in step.inputs] for step in steps]
        self.buffers = self._buffers()
        self.need = [step.scratch_bytes for step in steps]
        self.kept = [step.scratch_bytes > 0 for step in steps]
        for size, first, last, *_ in self.buffers[: -len(steps)]:
            for i in range(first, last + 1):
                self.need[i] += size
                self.kept[i] += 1
        overs = [buffer.over is not None for buffer in self.buffers[1 : len(steps) + 1]]
        self.bound = [need - self._saved(i) if over else need for i, (need, over) in enumerate(zip(self.need, overs, strict=True))]

    def _buffers(self) -> list[Buffer]:
        steps = self.steps
        last_use = list(range(-1, len(steps) - 1)) + [len(steps) - 1]
        for i, reads in enumerate(self.reads):
            for number in reads:
                last_use[number] = i
        buffers = [Buffer(prod(steps[0].operators[0].in_shape), 0, last_use[0])]
        for i, (step, reads) in enumerate(zip(steps, self.reads, strict=True)):
            over = None
            if self.in_place and step.distance is not None:
                over = next((number for number in reads[: 2 if step.kind == "add" else 1] if last_use[number] == i), None)
            buffers.append(Buffer(step.output_bytes, i, last_use[i + 1], over, step.distance or 0))
        return buffers + [Buffer(step.scratch_bytes, i, i) for i, step in enumerate(steps)]

    @property
    def least_bytes(self) -> int:
        """Bytes that the calls take at least, in whatever order they run."""
        least = 0
        for i, (step, reads) in enumerate(zip(self.steps, self.reads, strict=True)):
            own = step.scratch_bytes + step.output_bytes + sum(self.buffers[number].size for number in set(reads))
            least = max(least, own - self._saved(i))
        return least

    def _saved(self, number: int) -> int:
        """Most bytes that a call saves where it may write over its input."""
        step, read = self.steps[number], self.buffers[self.reads[number][0]].size
        if step.distance is None or not self.in_place:
            return 0
        return max(step.output_bytes + read - max(step.output_bytes, step.distance + read), 0)

    def orders(self) -> Iterator[list[int]]:
        """In which the buffers may be placed: the largest first, or those of the call that needs most."""
        yield sorted(range(len(self.buffers)), key=lambda number: -self.buffers[number].size)
        order: dict[int, None] = {}
        for i in sorted(range(len(self.steps)), key=lambda i: -self.need[i]):
            # What a call makes comes before what that may overwrite.
            order |= dict.fromkeys((i + 1, *self.reads[i], len(self.steps) + 1 + i))
        yield list(order)

    def decisive(self, order: list[int]) -> list[int]:
        """Of the buffers in an order those that may end highest of all, and those that one of these must avoid.

        First fit leaves no gap below a buffer that would hold it. So a buffer ends at the latest after all that is kept while it is,
        and as many gaps, each smaller than itself. Where that is below the bound of all calls, it does not count, unless one that
        counts is placed after it.
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
