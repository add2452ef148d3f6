"""Operators -> the kernel calls of our generated C, each with what it reads, writes and may overwrite."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Literal, NamedTuple

import numpy as np

from lmanet.space.graph import Operator
from lmanet.space.scratch import BLOCK_PIXELS, conv_scratch_bytes, rows_scratch_bytes, whole_words

StepKind = Literal["conv", "rows", "mean", "scale", "add"]


class Rows(NamedTuple):
    """The operators that one call of `lm_rows` runs row by row."""

    expand: Operator | None
    depthwise: Operator
    project: Operator | None
    add: Operator | None

    @property
    def present(self) -> tuple[Operator, ...]:
        """Those that are there, in the order in which they run."""
        return tuple(operator for operator in self if operator)


class Step(NamedTuple):
    """One kernel call.

    Attributes:
        operators: that it runs; the last one's name is the tensor that it makes.
        inputs: tensors read; the first is the one that its kernel may overwrite.
        scratch_bytes: memory that the call needs for itself.
        rows: the same operators by their roles, where the kernel is ``rows``.
    """

    kind: StepKind
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    scratch_bytes: int = 0
    rows: Rows | None = None

    @property
    def output(self) -> str:
        """The tensor that the call makes."""
        return self.operators[-1].name

    @property
    def output_bytes(self) -> int:
        """Of that tensor."""
        return prod(self.operators[-1].out_shape)


def c_steps(graph: Iterable[Operator], fuse: bool = True) -> tuple[Step, ...]:
    """The kernel calls of a network, in the order of its operators.

    Args:
        fuse: run expansion, depthwise convolution, projection and the sum with the block's input row by row in one call where they
            follow each other, so that no expanded tensor is ever held.
    """
    operators = tuple(graph)
    blocks = dict(_fused_blocks(operators)) if fuse else {}
    inside = {operator.name for rows in blocks.values() for operator in rows.present}
    steps = []
    for operator in operators:
        if operator.name in blocks:
            steps.append(_rows_step(blocks[operator.name]))
        elif operator.kind == "depthwise":
            steps.append(_rows_step(Rows(None, operator, None, None)))
        elif operator.name not in inside:
            steps.append(_single_step(operator))
    return tuple(steps)


def _fused_blocks(operators: tuple[Operator, ...]) -> Iterator[tuple[str, Rows]]:
    """Name of the depthwise convolution -> what runs with it; a tensor between two of them has no other reader."""
    producers = {operator.name: operator for operator in operators}
    readers: Mapping[str, list[Operator]] = defaultdict(list)
    for operator in operators:
        for name in operator.inputs:
            readers[name].append(operator)
    projections = set()
    for depthwise in operators:
        if depthwise.kind != "depthwise":
            continue
        before = producers.get(depthwise.inputs[0])
        free = before and _is_pointwise(before) and len(readers[before.name]) == 1 and before.name not in projections
        expand = before if free else None
        after = readers[depthwise.name]
        project = after[0] if len(after) == 1 and _is_pointwise(after[0]) else None
        source = (expand or depthwise).inputs[0]
        last = readers[project.name] if project else []
        adds = len(last) == 1 and last[0].kind == "add" and source in last[0].inputs and depthwise.stride == 1
        if project:
            projections.add(project.name)
        yield depthwise.name, Rows(expand, depthwise, project, last[0] if adds else None)


def _is_pointwise(operator: Operator) -> bool:
    return operator.kind == "conv" and operator.kernel == operator.stride == 1 and operator.padding == (0, 0)


def _rows_step(rows: Rows) -> Step:
    scratch = rows_scratch_bytes(rows.expand, rows.depthwise, rows.project)
    return Step("rows", rows.present, rows.present[0].inputs[:1], scratch, rows)


def _single_step(operator: Operator) -> Step:
    if operator.kind in ("conv", "linear"):
        return Step("conv", (operator,), operator.inputs, conv_scratch_bytes(operator))
    if operator.kind == "mean":
        return Step("mean", (operator,), operator.inputs)
    return Step("scale" if operator.kind == "mul" else "add", (operator,), operator.inputs)


def without_expansion(step: Step) -> tuple[Step, ...]:
    """The same work with the expansion as a call of its own: more memory in all, but not all of it at the same time."""
    assert step.rows and step.rows.expand
    expand, rows = step.rows.expand, step.rows._replace(expand=None, add=None)
    adding = (_single_step(step.rows.add),) if step.rows.add else ()
    return (_single_step(expand), _rows_step(rows), *adding)


def overlap_distance(step: Step) -> int | None:
    """Bytes before its first input at which the output of a call may start at the latest, if that input is not read again.

    A kernel reads its input front to back while it writes its output front to back, so that the output may take the place of what has been
    read. None where the kernel still reads the input after its last write.
    """
    first, last = step.operators[0], step.operators[-1]
    in_row, out_row = first.in_shape[0] * first.in_shape[2], last.out_shape[0] * last.out_shape[2]
    if step.kind in ("scale", "add"):
        return 0
    if step.kind == "mean":
        return None
    if step.rows:
        written, unread = _rows_progress(step.rows, in_row, out_row)
    else:
        written, unread = _conv_progress(first, in_row)
    return whole_words(int((written - unread).max(initial=0)))


Progress = tuple["np.ndarray[tuple[int], np.dtype[np.int64]]", "np.ndarray[tuple[int], np.dtype[np.int64]]"]


def _rows_progress(rows: Rows, in_row: int, out_row: int) -> Progress:
    """After each output row: bytes written, and the first byte of input that is still unread."""
    depthwise, height = rows.depthwise, rows.present[0].in_shape[1]
    row = np.arange(depthwise.out_shape[1], dtype=np.int64)
    next_row = row * depthwise.stride - depthwise.padding[0] + depthwise.kernel
    row, next_row = row[next_row < height], next_row[next_row < height]
    return (row + 1) * out_row, next_row * in_row


def _conv_progress(operator: Operator, in_row: int) -> Progress:
    """After each block of output pixels but the last, the same."""
    channels, height, width = operator.out_shape
    done = np.arange(BLOCK_PIXELS, height * width, BLOCK_PIXELS, dtype=np.int64)
    if operator.kernel == operator.stride == 1:
        return done * channels, done * operator.in_shape[0]
    next_row = np.maximum(done // width * operator.stride - operator.padding[0], 0)
    return done * channels, next_row * in_row
