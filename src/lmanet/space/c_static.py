"""Memory model ``c_static``: the static arena of our generated C, planned by the very function that the generator uses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

from lmanet.space.c_steps import Step, c_steps, overlap_distance, without_expansion
from lmanet.space.graph import INPUT, Operator

# Bytes; the arena starts at a multiple of it, and every tensor at a multiple of 4.
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


class Buffer(NamedTuple):
    """A tensor, or the scratch of a step, and when it is kept.

    Attributes:
        name: of the tensor; None for scratch.
        first, last: steps from which and up to which it is kept; -1 is before the first step.
        over: the tensor that it may overwrite while it is made.
        distance: bytes before the start of ``over`` at which it must then start.
    """

    name: str | None
    size: int
    first: int
    last: int
    over: str | None = None
    distance: int = 0


class Placed(NamedTuple):
    """A buffer with its first byte in the arena."""

    start: int
    buffer: Buffer

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.start + self.buffer.size


@lru_cache(maxsize=256)
def plan_c_static(graph: tuple[Operator, ...], options: CStaticOptions | None = None) -> CStaticPlan:
    """Plan the arena of a network."""
    options = options or CStaticOptions()
    # A peak that fusing raises at several calls cannot be mended at one of them: then nothing is fused at all.
    starts = (True, False) if options.fuse else (False,)
    plans = [_improved(_plan(c_steps(graph, fuse), options.in_place), options) for fuse in starts]
    return min(plans, key=lambda plan: plan.arena_bytes)


def _improved(best: CStaticPlan, options: CStaticOptions) -> CStaticPlan:
    while better := next((plan for plan in _changed(best, options) if plan.arena_bytes < best.arena_bytes), None):
        best = better
    return best


def _changed(plan: CStaticPlan, options: CStaticOptions) -> Iterator[CStaticPlan]:
    """Plans that differ where the peak stands: in what is fused there, or in the order of its part."""
    steps, peak = plan.steps, plan.steps.index(plan.peak_step)
    if (rows := steps[peak].rows) and rows.expand:
        yield _plan((*steps[:peak], *without_expansion(steps[peak]), *steps[peak + 1 :]), options.in_place)
    if options.reorder:
        part = steps[peak].operators[0].part
        made = {INPUT: -1} | {step.output: i for i, step in enumerate(steps)}
        for i, step in enumerate(steps):
            earliest = max(made[name] for name in step.inputs) + 1
            if step.operators[0].part == part and earliest < i:
                rest = steps[:i] + steps[i + 1 :]
                yield _plan((*rest[:earliest], step, *rest[earliest:]), options.in_place)


def _plan(steps: tuple[Step, ...], in_place: bool) -> CStaticPlan:
    buffers = _buffers(steps, in_place)
    plans = [_place(steps, order) for order in (sorted(buffers, key=lambda buffer: -buffer.size), _by_need(steps, buffers))]
    return min(plans, key=lambda plan: plan.arena_bytes)


def _buffers(steps: tuple[Step, ...], in_place: bool) -> list[Buffer]:
    """All tensors in the order in which they are made, then the scratch of each step."""
    last_use = {name: i for i, step in enumerate(steps) for name in step.inputs}
    buffers = [Buffer(INPUT, prod(steps[0].operators[0].in_shape), -1, last_use[INPUT])]
    for i, step in enumerate(steps):
        distance = overlap_distance(step) if in_place else None
        dying = [name for name in step.inputs[: 2 if step.kind == "add" else 1] if last_use[name] == i]
        over = dying[0] if dying and distance is not None else None
        buffers.append(Buffer(step.output, step.output_bytes, i, last_use.get(step.output, len(steps)), over, distance or 0))
    return buffers + [Buffer(None, step.scratch_bytes, i, i) for i, step in enumerate(steps)]


def _by_need(steps: tuple[Step, ...], buffers: list[Buffer]) -> list[Buffer]:
    """The buffers of the step that needs most come first: its output before the input that the output may overwrite, then its scratch."""
    tensors = {buffer.name: buffer for buffer in buffers}
    scratch = buffers[-len(steps) :]
    need = [buffer.size for buffer in scratch]
    for buffer in buffers[: -len(steps)]:
        for i in range(max(buffer.first, 0), min(buffer.last + 1, len(steps))):
            need[i] += buffer.size
    order: dict[Buffer, None] = {}
    for i in sorted(range(len(steps)), key=lambda i: -need[i]):
        order |= dict.fromkeys([tensors[steps[i].output], *(tensors[name] for name in steps[i].inputs), scratch[i]])
    return list(order)


def _place(steps: tuple[Step, ...], order: Iterable[Buffer]) -> CStaticPlan:
    """Put each buffer at the lowest place that is free while it is kept."""
    kept: list[list[Placed]] = [[] for _ in range(len(steps) + 2)]  # by step, from -1 on
    offsets, scratch_offsets = {}, [0] * len(steps)
    for buffer in order:
        span = range(buffer.first + 1, buffer.last + 2)
        placed = Placed(_lowest(buffer, {other for i in span for other in kept[i]}), buffer)
        for i in span:
            kept[i].append(placed)
        if buffer.name is None:
            scratch_offsets[buffer.first] = placed.start
        else:
            offsets[buffer.name] = placed.start
    step_bytes = tuple(max(placed.end for placed in kept[i + 1]) for i in range(len(steps)))
    return CStaticPlan(steps, offsets, tuple(scratch_offsets), step_bytes, _aligned(max(step_bytes), ARENA_ALIGNMENT))


def _lowest(buffer: Buffer, others: Iterable[Placed]) -> int:
    """Lowest place at which a buffer meets none of the others but a tensor that it may overwrite, or that may overwrite it."""
    start = 0
    for low, high in sorted(_forbidden(buffer, other) for other in others):
        if low < start < high:
            start = high
    return start


def _forbidden(buffer: Buffer, other: Placed) -> tuple[int, int]:
    """A start of ``buffer`` between these two, both excluded, would destroy one of the two."""
    low, high = other.start - buffer.size, _aligned(other.end, 4)
    if buffer.over and buffer.over == other.buffer.name:
        low = other.start - buffer.distance
    elif other.buffer.over and other.buffer.over == buffer.name:
        high = other.start + other.buffer.distance
    return low, high


def _aligned(size: int, to: int) -> int:
    return -(-size // to) * to
