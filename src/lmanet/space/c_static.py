"""Memory model ``c_static``: the static arena of our generated C, planned by the very function that the generator uses."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lmanet.space.c_place import Buffer, aligned, first_fit
from lmanet.space.c_steps import Step, c_steps, without_expansion
from lmanet.space.graph import INPUT, Operator

# Bytes: the arena starts and ends at a multiple of it.
ARENA_ALIGNMENT = 16


@dataclass(frozen=True)
class CStaticOptions:
    """What the generated C does to save memory; each is part of the memory model.

    Attributes:
        fuse: run expansion, depthwise convolution and projection row by row in one kernel, wherever that does not raise the peak.
        in_place: let a kernel write over its input where nothing reads that any more.
        reorder: run the projection of a skip connection before or after the block's main path, whichever needs less.
    """

    fuse: bool = True
    in_place: bool = True
    reorder: bool = True


@dataclass(frozen=True)
class CStaticPlan:
    """Where everything lies in the arena.

    Attributes:
        steps: kernel calls in the order in which they run.
        offsets: tensor -> its first byte in the arena.
        scratch_offsets: of each step.
        step_bytes: end of the memory in use while each step runs.
        arena_bytes: size of the arena, which is all of the network's ``.bss``.
    """

    steps: tuple[Step, ...]
    offsets: dict[str, int]
    scratch_offsets: tuple[int, ...]
    step_bytes: tuple[int, ...]
    arena_bytes: int

    @property
    def peak_step(self) -> Step:
        """The call that sets ``arena_bytes``."""
        return self.steps[self.step_bytes.index(max(self.step_bytes))]


@lru_cache(maxsize=256)
def plan_c_static(graph: tuple[Operator, ...], options: CStaticOptions | None = None) -> CStaticPlan:
    """Plan the arena of a network."""
    options = options or CStaticOptions()
    best = _improved(_Work(c_steps(graph, options.fuse), options.in_place), options.reorder)
    # A peak that fusing raises at several calls cannot be mended at one of them: then nothing is fused at all, where the largest tensor,
    # now whole at some time, allows it.
    if options.fuse and max(prod(operator.out_shape) for operator in graph) < best.arena_bytes:
        work = _Work(c_steps(graph, fuse=False), options.in_place)
        if work.least_bytes < best.arena_bytes:
            best = min(best, _improved(work, options.reorder), key=lambda layout: layout.arena_bytes)
    return best.plan


class _Work:
    """Calls in some order, and the buffers that they need: the input, then what each call makes, then the scratch of each.

    The input is the image, or of calls in the middle of a network what is made before them.

    Attributes:
        reads: numbers of the buffers that each call reads.
        need: bytes of all buffers that are kept while each call runs.
        bound: the same, less what the call may save by writing over its input: no layout takes less.
    """

    def __init__(self, steps: tuple[Step, ...], in_place: bool) -> None:
        self.steps = steps
        self.in_place = in_place
        self.made = {INPUT: 0} | {step.output: i for i, step in enumerate(steps, start=1)}
        self.reads = [[self.made.get(name, 0) for name in step.inputs] for step in steps]
        self.buffers = self._buffers()
        self.need = [step.scratch_bytes for step in steps]
        for size, first, last, *_ in self.buffers[: -len(steps)]:
            for i in range(first, last + 1):
                self.need[i] += size
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


class _Layout:
    """First byte of every buffer, and what follows from that."""

    def __init__(self, work: _Work, starts: list[int]) -> None:
        self.work = work
        self.starts = starts
        self.step_bytes = [0] * len(work.steps)
        for start, (size, first, last, *_) in zip(starts, work.buffers, strict=True):
            for i in range(first, last + 1):
                if start + size > self.step_bytes[i]:
                    self.step_bytes[i] = start + size
        self.peak = self.step_bytes.index(max(self.step_bytes))
        self.arena_bytes = _arena(self.step_bytes[self.peak])

    @property
    def plan(self) -> CStaticPlan:
        """The same by names."""
        steps, starts = self.work.steps, self.starts
        offsets = dict(zip(self.work.made, starts, strict=False))
        return CStaticPlan(steps, offsets, tuple(starts[-len(steps) :]), tuple(self.step_bytes), self.arena_bytes)


def _improved(work: _Work, reorder: bool) -> _Layout:
    best = _layout(work)
    assert best, "without a limit every buffer has its place"
    while better := next(_better(best, reorder), None):
        best = better
    return best


def _better(layout: _Layout, reorder: bool) -> Iterator[_Layout]:
    """Smaller layouts that differ where the peak stands: in what is fused there, or in the order of its part."""
    work, arena, peak = layout.work, layout.arena_bytes, layout.peak
    part = work.steps[peak].operators[0].part
    inside = [i for i, step in enumerate(work.steps) if step.operators[0].part == part]
    first, end = inside[0], inside[-1] + 1
    if _arena(max(work.bound[:first] + work.bound[end:], default=0)) >= arena:
        return
    for steps in _changed(work.steps[first:end], peak - first, reorder):
        # One tensor alone goes into a part, and no call elsewhere knows in which order it runs.
        if _arena(max(_Work(steps, work.in_place).bound)) < arena:
            whole = _Work((*work.steps[:first], *steps, *work.steps[end:]), work.in_place)
            if found := _layout(whole, below=arena):
                yield found


def _changed(steps: tuple[Step, ...], peak: int, reorder: bool) -> Iterator[tuple[Step, ...]]:
    """The calls of one part, done otherwise."""
    if (rows := steps[peak].rows) and rows.expand:
        yield (*steps[:peak], *without_expansion(steps[peak]), *steps[peak + 1 :])
    if reorder:
        made = {step.output: i for i, step in enumerate(steps)}
        for i, step in enumerate(steps):
            earliest = max(made.get(name, -1) for name in step.inputs) + 1
            if earliest < i:
                rest = steps[:i] + steps[i + 1 :]
                yield (*rest[:earliest], step, *rest[earliest:])


def _layout(work: _Work, below: int | None = None) -> _Layout | None:
    """The smallest that first fit makes of any order; None where it is not below a size of the arena."""
    least, best = _arena(max(work.bound)), None
    for order in work.orders():
        if below is not None and least >= below:
            break
        if starts := first_fit(work.buffers, order, None if below is None else below - ARENA_ALIGNMENT):
            best, below = starts, _arena(max(start + buffer.size for start, buffer in zip(starts, work.buffers, strict=True)))
    return _Layout(work, best) if best else None


def _arena(size: int) -> int:
    return aligned(size, ARENA_ALIGNMENT)
