"""Memory model ``c_static``: the static arena of our generated C, planned by the very function that
the generator uses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lmanet.cost.c_runtime.steps import Step, c_steps, unfused, without_expansion
from lmanet.cost.c_runtime.work import Work, aligned, first_fit
from lmanet.network.graph import Operator

# Bytes: the arena starts and ends at a multiple of it.
ARENA_ALIGNMENT = 16


@dataclass(frozen=True)
class CStaticOptions:
    """What the generated C does to save memory; each is part of the memory model.

    Attributes:
        fuse: run the operators of a block in one kernel, row by row or a few pixels at a time (see
            `c_steps`), wherever that does not raise the peak.
        in_place: let a kernel write over its input where nothing reads that any more.
        reorder: run the projection of a skip connection before or after the block's main path,
            whichever needs less.
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


class Layout:
    """Calls, and the order in which their buffers are placed: all that decides how large the arena
    is.

    Attributes:
        step_bytes: end of the memory in use while each step runs, where that is the largest of all;
            elsewhere less than the largest.
    """

    def __init__(self, work: Work, order: list[int], starts: list[int]) -> None:
        self.work = work
        self.order = order
        self.step_bytes = _step_bytes(work, starts)
        self.peak = self.step_bytes.index(max(self.step_bytes))
        self.arena_bytes = _arena(self.step_bytes[self.peak])

    @property
    def peak_operators(self) -> set[str]:
        """Names of all that run where the memory in use ends highest."""
        most = self.step_bytes[self.peak]
        return {
            each.name
            for step, end in zip(self.work.steps, self.step_bytes, strict=True)
            if end == most
            for each in step.operators
        }

    @property
    def plan(self) -> CStaticPlan:
        """Every buffer in its place."""
        work, steps = self.work, self.work.steps
        starts = first_fit(work.buffers, self.order)
        assert starts, "without a limit every buffer has its place"
        offsets = dict(zip(work.made, starts, strict=False))
        return CStaticPlan(
            steps,
            offsets,
            tuple(starts[-len(steps) :]),
            tuple(_step_bytes(work, starts)),
            self.arena_bytes,
        )


def _step_bytes(work: Work, starts: list[int]) -> list[int]:
    step_bytes = [0] * len(work.steps)
    for start, (size, first, last, *_) in zip(starts, work.buffers, strict=True):
        for i in range(first, last + 1):
            if start + size > step_bytes[i]:
                step_bytes[i] = start + size
    return step_bytes


@lru_cache(maxsize=256)
def plan_c_static(
    graph: tuple[Operator, ...], options: CStaticOptions | None = None
) -> CStaticPlan:
    """Plan the arena of a network."""
    return lay_out(graph, options).plan


def lay_out(graph: tuple[Operator, ...], options: CStaticOptions | None = None) -> Layout:
    """The same plan, only as far as its arena, its peak and its calls are asked for."""
    options = options or CStaticOptions()
    steps = c_steps(graph, options.fuse)
    best = _improved(Work(steps, options.in_place), options.reorder)
    # A peak that fusing raises at several calls cannot be mended at one of them: then nothing is
    # fused at all, where the largest tensor, now whole at some time, allows it.
    if options.fuse and max(prod(operator.out_shape) for operator in graph) < best.arena_bytes:
        work = Work(unfused(steps), options.in_place)
        if work.least_bytes < best.arena_bytes:
            best = min(
                best, _improved(work, options.reorder), key=lambda layout: layout.arena_bytes
            )
    return best


def _improved(work: Work, reorder: bool) -> Layout:
    best = _layout(work)
    assert best, "without a limit every buffer has its place"
    while better := next(_better(best, reorder), None):
        best = better
    return best


def _better(layout: Layout, reorder: bool) -> Iterator[Layout]:
    """Smaller layouts that differ where the peak stands: in what is fused there, or in the order of
    its part.
    """
    work, arena, peak = layout.work, layout.arena_bytes, layout.peak
    part = work.steps[peak].operators[0].part
    inside = [i for i, step in enumerate(work.steps) if step.operators[0].part == part]
    first, end = inside[0], inside[-1] + 1
    if _arena(max(work.bound[:first] + work.bound[end:], default=0)) >= arena:
        return
    for steps in _changed(work.steps[first:end], peak - first, reorder):
        # One tensor alone goes into a part, and no call elsewhere knows in which order it runs.
        if _arena(max(Work(steps, work.in_place).bound)) < arena:
            whole = Work((*work.steps[:first], *steps, *work.steps[end:]), work.in_place)
            if found := _layout(whole, below=arena):
                yield found


def _changed(steps: tuple[Step, ...], peak: int, reorder: bool) -> Iterator[tuple[Step, ...]]:
    """The calls of one part, done otherwise."""
    if (rows := steps[peak].rows) and rows.expand:
        yield (*steps[:peak], *without_expansion(steps[peak]), *steps[peak + 1 :])
    if steps[peak].pixels:
        yield (*steps[:peak], *unfused(steps[peak : peak + 1]), *steps[peak + 1 :])
    if reorder:
        made = {step.output: i for i, step in enumerate(steps)}
        for i, step in enumerate(steps):
            earliest = max(made.get(name, -1) for name in step.inputs) + 1
            if earliest < i:
                rest = steps[:i] + steps[i + 1 :]
                yield (*rest[:earliest], step, *rest[earliest:])


def _layout(work: Work, below: int | None = None) -> Layout | None:
    """The smallest that first fit makes of any order; None where it is not below a size of the
    arena.
    """
    least, best = _arena(max(work.bound)), None
    for order in work.orders():
        if below is not None and least >= below:
            break
        if starts := first_fit(
            work.buffers, work.decisive(order), None if below is None else below - ARENA_ALIGNMENT
        ):
            best = Layout(work, order, starts)
            below = best.arena_bytes
    return best


def _arena(size: int) -> int:
    return aligned(size, ARENA_ALIGNMENT)
