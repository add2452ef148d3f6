"""Operators -> the operators and tensors that a TFLite file of the same network holds, by shapes
alone.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from lmanet.network.graph import INPUT, Operator, pad_same
from lmanet.network.graph import Shape as ChannelsFirst
from lmanet.network.int8 import FUSED, tensor_before_table
from lmanet.network.operators import builtin_of
from lmanet.network.operators.builtin import HARD_SWISH, LEAKY_RELU, LOGISTIC, PAD

Shape = tuple[int, ...]
_TABLES = {"sigmoid": LOGISTIC, "hard_swish": HARD_SWISH, "leaky_relu": LEAKY_RELU}


class TfliteOperator(NamedTuple):
    """One operator of a TFLite file.

    Attributes:
        kind: a name in `lmanet.network.operators.BUILTINS`.
        source: name of the `Operator` that it is part of.
        inputs: names of the activations read; the file's order.
        constants: names of the constant tensors read after them; operators that name the same one
            share it.
        output: name of the tensor made.
        in_shape, out_shape: of the first input and of the output as the file has them: (1, height,
            width, channels) or (1, channels).
        kernel, stride: in height and in width.
        padding: of a convolution, as TensorFlow defines it.
        pad: pixels that a PAD adds (before, after), in height and in width.
        activation: fused; ``none``, ``relu`` or ``relu6``.
    """

    kind: str
    source: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    output: str
    in_shape: Shape
    out_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: Literal["SAME", "VALID"] = "VALID"
    pad: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    activation: str = "none"


def tflite_operators(graph: Iterable[Operator]) -> tuple[TfliteOperator, ...]:
    """The operators of a TFLite file, in the order of execution.

    ReLU and ReLU6 are fused; every other activation is an operator of its own, swish two, since
    TFLite has none. Padding that is not TensorFlow's SAME becomes a PAD.
    """
    graph = tuple(graph)
    # What a linear layer reads has lost its two spatial dimensions.
    flat = {
        name
        for operator in graph
        if builtin_of(operator).flat
        for name in (operator.inputs[0], operator.name)
    }
    return tuple(part for operator in graph for part in _parts(operator, flat))


def _parts(operator: Operator, flat: set[str]) -> Iterator[TfliteOperator]:
    name, inputs, builtin = operator.name, operator.inputs, builtin_of(operator)
    in_shape = _channels_last(operator.in_shape, inputs[0] in flat)
    out_shape = _channels_last(operator.out_shape, name in flat)
    fused, (down, across) = operator.activation in FUSED, operator.sides
    padding: Literal["SAME", "VALID"] = "VALID"
    if builtin.pads:
        if all(
            side.padding == pad_same(size, side.kernel, side.stride)
            for size, side in zip(operator.in_shape[1:], operator.sides, strict=True)
        ):
            padding = "SAME"
        elif any(side.padding != (0, 0) for side in operator.sides):
            pad = _pad(operator, in_shape)
            yield pad
            inputs, in_shape = (pad.output,), pad.out_shape
    yield TfliteOperator(
        builtin.name,
        name,
        inputs,
        _constants(operator),
        name if fused else tensor_before_table(operator),
        in_shape,
        out_shape,
        (down.kernel, across.kernel),
        (down.stride, across.stride),
        padding,
        activation=operator.activation if fused else "none",
    )
    if not fused:
        yield from _table(operator, out_shape)


def _pad(operator: Operator, in_shape: Shape) -> TfliteOperator:
    down, across = (side.padding for side in operator.sides)
    batch, height, width, channels = in_shape
    out_shape = (batch, height + sum(down), width + sum(across), channels)
    # A constant of a square window is named by one side: names decide the order in the file.
    constants = ("_".join(map(str, ("pad", *down, *(across if across != down else ())))),)
    return TfliteOperator(
        PAD.name,
        operator.name,
        operator.inputs,
        constants,
        f"{operator.name}.pad",
        in_shape,
        out_shape,
        pad=(down, across),
    )


def _table(operator: Operator, shape: Shape) -> Iterator[TfliteOperator]:
    name, before = operator.name, tensor_before_table(operator)
    if operator.activation == "swish":
        sigmoid = f"{name}.sigmoid"
        yield TfliteOperator(LOGISTIC.name, name, (before,), (), sigmoid, shape, shape)
        yield TfliteOperator("MUL", name, (before, sigmoid), (), name, shape, shape)
    else:
        table = _TABLES[operator.activation].name
        yield TfliteOperator(table, name, (before,), (), name, shape, shape)


def _constants(operator: Operator) -> tuple[str, ...]:
    own = (f"{operator.name}.weights", f"{operator.name}.bias") if operator.weights else ()
    return (*own, *builtin_of(operator).shared)


def _channels_last(shape: ChannelsFirst, flat: bool) -> Shape:
    channels, height, width = shape
    return (1, channels) if flat else (1, height, width, channels)


def activation_shapes(graph: Iterable[TfliteOperator]) -> dict[str, Shape]:
    """Name -> shape of every tensor that is no constant, in the file's order: the image first, then
    as they are made.
    """
    graph = tuple(graph)
    return {INPUT: graph[0].in_shape} | {operator.output: operator.out_shape for operator in graph}
