"""What TensorFlow Lite Micro allocates for a network: a replay of its memory planner and of its
allocations for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Literal, NamedTuple

from lmanet.cost.tflm.layout import CORTEX_M, Layout
from lmanet.cost.tflm.operators import TfliteOperator, activation_shapes, tflite_operators
from lmanet.network.operators import BUILTINS, INPUT, Operator
from lmanet.network.operators.builtin import Sizes

Kernels = Literal["cmsis_nn", "reference"]
# MicroArenaBufferAlignment(): of every tensor, every scratch buffer and every buffer that a kernel
# keeps.
ALIGNMENT = 16
INT32_BYTES = 4


class TflmArena(NamedTuple):
    """The arena that a network needs in TFLM.

    Attributes:
        head_bytes: activations and scratch buffers as TFLM's greedy planner lays them out; the same
            on every processor.
        tail_bytes: what TFLM and its kernels allocate for good.
        peak_operator: name of the operator during which the highest bytes of the head are in use.
        live_bytes: operator -> most bytes of tensors and scratch that are alive while it runs.
    """

    head_bytes: int
    tail_bytes: int
    peak_operator: str
    live_bytes: Mapping[str, int]

    @property
    def arena_bytes(self) -> int:
        """Head and tail."""
        return self.head_bytes + self.tail_bytes


def tflm_arena(graph: Iterable[Operator], kernels: Kernels = "cmsis_nn") -> TflmArena:
    """The arena on a Cortex-M, for the file that `lmanet.deploy.write.tflite` writes.

    Args:
        kernels: ``reference`` are TFLM's portable kernels; ``cmsis_nn`` are Arm's, which need
            scratch memory.
    """
    return arena_of(tflite_operators(graph), kernels)


def arena_of(
    operators: Sequence[TfliteOperator], kernels: Kernels = "cmsis_nn", layout: Layout = CORTEX_M
) -> TflmArena:
    """The arena for the operators of any TFLite file, on any processor."""
    buffers, scratch_count = _buffers(operators, kernels)
    offsets = _plan(buffers)
    ends = [offset + buffer.size for offset, buffer in zip(offsets, buffers, strict=True)]
    head = max(ends)
    highest = buffers[ends.index(head)]
    tail = _tail(operators, scratch_count, layout, kernels)
    live = _live(operators, buffers)
    within = range(max(highest.first, 1), highest.last + 1)
    peak = max((operators[time - 1].source for time in within), key=live.__getitem__)
    return TflmArena(head, tail, peak, live)


class _Buffer(NamedTuple):
    """Memory wanted from the operator numbered ``first`` to ``last``; the first operator is 1, and
    0 is the time before it.
    """

    size: int
    first: int
    last: int


def _buffers(operators: Sequence[TfliteOperator], kernels: Kernels) -> tuple[list[_Buffer], int]:
    """What the planner is asked for, in the order in which TFLM asks: tensors as in the file, then
    scratch; and how many scratch.
    """
    first, last = {INPUT: 0}, {INPUT: 0}
    scratch: list[_Buffer] = []
    for time, operator in enumerate(operators, start=1):
        first[operator.output] = last[operator.output] = time
        for name in operator.inputs:
            last[name] = time
        scratch += [_Buffer(_aligned(size), time, time) for size in _scratch(operator, kernels)]
    last[operators[-1].output] = len(operators)
    shapes = activation_shapes(operators)
    tensors = [
        _Buffer(_aligned(prod(shape)), first[name], last[name]) for name, shape in shapes.items()
    ]
    return tensors + scratch, len(scratch)


def _scratch(operator: TfliteOperator, kernels: Kernels) -> tuple[int, ...]:
    """Bytes that a kernel uses while it runs."""
    builtin = BUILTINS[operator.kind]
    shapes = operator.kernel, operator.in_shape, operator.out_shape
    return builtin.scratch(*shapes) + (
        builtin.cmsis_nn_scratch(*shapes) if kernels == "cmsis_nn" else ()
    )


def _plan(buffers: Sequence[_Buffer]) -> list[int]:
    """Offsets, as TFLM's GreedyMemoryPlanner chooses them: the largest buffer first, each at the
    lowest gap that holds it.

    Of equal sizes the last one asked for comes first. Neighbours at one offset stay in the order in
    which they were placed.
    """
    end_of_time = max(buffer.last for buffer in buffers) + 1
    # at each time: (offset, order of placing, end)
    alive: list[list[tuple[int, int, int]]] = [[] for _ in range(end_of_time)]
    starting: list[list[tuple[int, int, int]]] = [[] for _ in range(end_of_time)]
    offsets = [0] * len(buffers)
    order = sorted(range(len(buffers) - 1, -1, -1), key=lambda number: -buffers[number].size)
    for rank, number in enumerate(order):
        size, first, last = buffers[number]
        active = alive[first].copy()
        for time in range(first + 1, last + 1):
            active += starting[time]
        active.sort()
        offset = 0
        for start, _, end in active:
            if start - offset >= size:
                break
            if end > offset:
                offset = end
        offsets[number] = offset
        placed = (offset, rank, offset + size)
        starting[first].append(placed)
        for time in range(first, last + 1):
            alive[time].append(placed)
    return offsets


def _live(operators: Sequence[TfliteOperator], buffers: Sequence[_Buffer]) -> dict[str, int]:
    """`TflmArena.live_bytes`."""
    alive = [0] * (len(operators) + 1)  # at each time
    for size, first, last in buffers:
        for time in range(first, last + 1):
            alive[time] += size
    live: dict[str, int] = {}
    for operator, size in zip(operators, alive[1:], strict=True):
        live[operator.source] = max(live.get(operator.source, 0), size)
    return live


def _tail(
    operators: Sequence[TfliteOperator], scratch_count: int, layout: Layout, kernels: Kernels
) -> int:
    """Bytes allocated downwards from the arena's end, one after the other, each with its own
    alignment.
    """
    pointer = layout.pointer
    constants = {name for operator in operators for name in operator.constants}
    tail = _aligned(layout.objects + layout.subgraph, pointer)
    tail += layout.tensor * (1 + len(operators) + len(constants)) + layout.node * len(operators)
    for operator in operators:
        size, alignment = _sizes(operator, layout).params
        tail = _aligned(tail + size, alignment)
    for operator in operators:
        builtin, op_data = BUILTINS[operator.kind], _sizes(operator, layout).op_data
        if kernels == "cmsis_nn" and builtin.cmsis_nn_op_data is not None:
            op_data = builtin.cmsis_nn_op_data
        tail = _aligned(tail + op_data)
        if builtin.channel_op_data:
            tail += 2 * _aligned(INT32_BYTES * operator.out_shape[-1])
    if scratch_count:
        tail = _aligned(tail + pointer * scratch_count, pointer)
    for _ in ("input", "output"):
        tail = _aligned(tail + pointer)  # an array of one pointer
        tail = _aligned(tail + layout.io_tensor, pointer) + layout.quantization + 2 * INT32_BYTES
    return tail


def _sizes(operator: TfliteOperator, layout: Layout) -> Sizes:
    builtin = BUILTINS[operator.kind]
    return builtin.cortex_m if layout.processor == "cortex_m" else builtin.host


def _aligned(size: int, alignment: int = ALIGNMENT) -> int:
    return -(-size // alignment) * alignment
