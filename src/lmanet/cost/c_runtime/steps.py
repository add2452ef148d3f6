"""Operators -> the kernel calls of our generated C, each with what it reads, writes and may
overwrite.
"""

from collections.abc import Iterable, Iterator
from math import prod
from typing import NamedTuple

from lmanet.network.operators import Operator, Shape, c_kernel, kind_of
from lmanet.network.operators.conv import (
    BLOCK_PIXELS,
    INT16_BYTES,
    block_pixels,
    column_bytes,
    distance_making,
    is_pointwise,
    whole_words,
    window_bytes,
)
from lmanet.network.operators.depthwise import rows_pitch

# A depthwise convolution computes whole blocks of pixels, and reads this far past the last row for
# those that do not exist: 3 pixels at stride 2, and the rest of a word.
OVERREAD_BYTES = 8

_Readers = dict[str, list[Operator]]


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

    @property
    def scratch_bytes(self) -> int:
        """A ring of input rows by channel, a block of columns, and a block of output before the
        input is added; `lmanet_kernels.c` divides them up in this order.
        """
        channels, height, _ = self.depthwise.in_shape
        ring = min(self.depthwise.kernel, height) * channels * rows_pitch(self.depthwise)
        columns = [
            BLOCK_PIXELS * INT16_BYTES * whole_words(operator.in_shape[0])
            for operator in (self.expand, self.project)
            if operator
        ]
        sums = BLOCK_PIXELS * self.project.out_shape[0] if self.project else 0
        return ring + max([*columns, OVERREAD_BYTES]) + sums


class Pixels(NamedTuple):
    """The operators that one call of `lm_pixels` runs a few pixels at a time."""

    conv: Operator
    project: Operator | None
    add: Operator | None

    @property
    def present(self) -> tuple[Operator, ...]:
        """Those that are there, in the order in which they run."""
        return tuple(operator for operator in self if operator)

    @property
    def scratch_bytes(self) -> int:
        """A block of columns, and a place after it; `lmanet_kernels.c` divides them up in this
        order. The place holds, one after the other, a window, a block to be projected, and a block
        of sums.
        """
        conv, project = self.conv, self.project
        column = max(column_bytes(operator) for operator in (conv, project) if operator)
        hidden = conv.out_shape[0] if project else 0
        sums = (project or conv).out_shape[0] if self.add else 0
        pixels = block_pixels(conv)
        place = max(window_bytes(conv), pixels * hidden, pixels * sums)
        return pixels * column * INT16_BYTES + place


class Step(NamedTuple):
    """One kernel call.

    Attributes:
        kind: the function is ``lm_<kind>``: ``rows``, ``pixels``, or that of the only operator.
        operators: that it runs.
        inputs: tensors read; the first is the one that its kernel may overwrite.
        output: the tensor that it makes, which is the last operator's.
        distance: bytes before its first input at which the output may start at the latest, if that
            input is not read again: a kernel reads its input front to back while it writes its
            output front to back, so that the output may take the place of what has been read. None
            where the kernel still reads the input after its last write.
        scratch_bytes: memory that the call needs for itself.
        overwritable: how many of the inputs, from the first on, the output may take the place of.
        rows, pixels: the same operators by their roles, where the kernel is the one so named.
    """

    kind: str
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    output: str
    output_bytes: int
    distance: int | None = 0
    scratch_bytes: int = 0
    overwritable: int = 1
    rows: Rows | None = None
    pixels: Pixels | None = None


def c_steps(graph: Iterable[Operator], fuse: bool = True) -> tuple[Step, ...]:
    """The kernel calls of a network, in the order of its operators.

    Args:
        fuse: run the operators of a block in one call where they follow each other, so that no
            expanded tensor is ever held. Expansion, depthwise convolution, projection and the sum
            with the block's input go row by row; an ordinary convolution, projection and that sum
            go a few pixels at a time.
    """
    operators = tuple(graph)
    blocks: dict[str, Rows | Pixels] = dict(_fused_blocks(operators)) if fuse else {}
    inside = {operator.name for block in blocks.values() for operator in block.present}
    steps = []
    for operator in operators:
        if block := blocks.get(operator.name):
            steps.append(_rows_step(block) if isinstance(block, Rows) else _pixels_step(block))
        elif _fused_as(operator, "depthwise"):
            steps.append(_rows_step(Rows(None, operator, None, None)))
        elif operator.name not in inside:
            steps.append(_single_step(operator))
    return tuple(steps)


def _fused_blocks(operators: tuple[Operator, ...]) -> Iterator[tuple[str, Rows | Pixels]]:
    """Name of the convolution over a window -> what runs with it.

    A tensor between two of them has no other reader.
    """
    readers: _Readers = {}
    for operator in operators:
        for name in operator.inputs:
            readers.setdefault(name, []).append(operator)
    pixels = list(_pixel_blocks(operators, readers))
    yield from ((each.conv.name, each) for each in pixels)
    projections = {each.project.name for each in pixels if each.project}
    yield from _row_blocks(operators, readers, projections)


def _pixel_blocks(operators: tuple[Operator, ...], readers: _Readers) -> Iterator[Pixels]:
    """Convolutions with what follows them in their own block.

    The expansion of the next block runs with that block.
    """
    for conv in operators:
        if not _fused_as(conv, "window") or is_pointwise(conv):
            continue
        after = readers.get(conv.name, [])
        alone = len(after) == 1 and _is_pointwise(after[0]) and after[0].part == conv.part
        project = after[0] if alone else None
        add = _add(readers.get((project or conv).name, []), conv.inputs[0], conv)
        if project or add:
            yield Pixels(conv, project, add)


def _row_blocks(
    operators: tuple[Operator, ...], readers: _Readers, projections: set[str]
) -> Iterator[tuple[str, Rows]]:
    producers = {operator.name: operator for operator in operators}
    for depthwise in operators:
        if not _fused_as(depthwise, "depthwise"):
            continue
        before = producers.get(depthwise.inputs[0])
        free = (
            before
            and _is_pointwise(before)
            and len(readers[before.name]) == 1
            and before.name not in projections
        )
        expand = before if free else None
        after = readers.get(depthwise.name, [])
        project = after[0] if len(after) == 1 and _is_pointwise(after[0]) else None
        source = (expand or depthwise).inputs[0]
        add = _add(readers.get(project.name, []), source, depthwise) if project else None
        if project:
            projections.add(project.name)
        yield depthwise.name, Rows(expand, depthwise, project, add)


def _add(last: list[Operator], source: str, slid: Operator) -> Operator | None:
    """The only reader of a block's result, where that adds the block's input to it."""
    alone = len(last) == 1 and not slid.strides
    return last[0] if alone and _fused_as(last[0], "sum") and source in last[0].inputs else None


def _fused_as(operator: Operator, role: str) -> bool:
    return kind_of(operator).fused_as == role


def _is_pointwise(operator: Operator) -> bool:
    return _fused_as(operator, "window") and is_pointwise(operator)


def _rows_step(rows: Rows) -> Step:
    operators = rows.present
    scratch, output = rows.scratch_bytes, operators[-1]
    distance = _rows_distance(rows.depthwise, operators[0].in_shape, output.out_shape)
    return Step(
        "rows",
        operators,
        operators[0].inputs[:1],
        output.name,
        prod(output.out_shape),
        distance,
        scratch,
        rows=rows,
    )


def _pixels_step(pixels: Pixels) -> Step:
    operators = pixels.present
    output = operators[-1]
    scratch = pixels.scratch_bytes
    distance = distance_making(pixels.conv, output.out_shape[0])
    facts = operators, pixels.conv.inputs, output.name, prod(output.out_shape)
    return Step("pixels", *facts, distance, scratch, pixels=pixels)


def _single_step(operator: Operator) -> Step:
    kernel, made = c_kernel(operator), prod(operator.out_shape)
    return Step(
        kernel.name,
        (operator,),
        operator.inputs,
        operator.name,
        made,
        kernel.distance(operator),
        kernel.scratch_bytes(operator) if kernel.scratch_bytes else 0,
        kernel.overwritable,
    )


def unfused(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The same work, each operator by itself."""
    return tuple(each for step in steps for each in _alone(step))


def _alone(step: Step) -> Iterator[Step]:
    block = step.rows or step.pixels
    if not block:
        yield step
        return
    for operator in block.present:
        yield (
            _rows_step(Rows(None, operator, None, None))
            if _fused_as(operator, "depthwise")
            else _single_step(operator)
        )


def without_expansion(step: Step) -> tuple[Step, ...]:
    """The same work with the expansion as a call of its own: more memory in all, but not all of it
    at the same time.
    """
    assert step.rows and step.rows.expand
    expand, rows = step.rows.expand, step.rows._replace(expand=None, add=None)
    adding = (_single_step(step.rows.add),) if step.rows.add else ()
    return (_single_step(expand), _rows_step(rows), *adding)


def _rows_distance(depthwise: Operator, in_shape: Shape, out_shape: Shape) -> int:
    """`Step.distance`: of what is written after an output row and what is read by then, the most
    that the first is ahead.
    """
    in_row, out_row = in_shape[0] * in_shape[2], out_shape[0] * out_shape[2]
    before, kernel, stride = depthwise.padding[0], depthwise.kernel, depthwise.stride
    # The last row after which input is still unread.
    last = min(depthwise.out_shape[1], -(-(in_shape[1] + before - kernel) // stride)) - 1
    if last < 0:
        return 0
    # From row to row it changes by the same amount.
    ahead = out_row - (kernel - before) * in_row
    return whole_words(max(ahead, ahead + last * (out_row - stride * in_row), 0))
