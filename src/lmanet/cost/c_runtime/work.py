"""Kernel calls -> the buffers that they need, in the orders in which these may be placed."""

from collections.abc import Iterator
from math import prod

from lmanet.cost.c_runtime.place import BUFFER_ALIGNMENT, Buffer
from lmanet.cost.c_runtime.steps import Step
from lmanet.network.graph import INPUT


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
        """Of the buffers in an order those that may end highest of all, and those that one of these
        must avoid.

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
