"""Operators -> the operators and tensors that a TFLite file of the same network holds, by shapes
alone.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from lmanet.network.graph import INPUT, Operator, pad_same
from lmanet.network.graph import Shape as ChannelsFirst
from lmanet.network.int8 import FUSED, tensor_before_table

TfliteKind = Literal[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MEAN",
    "ADD",
    "MUL",
    "PAD",
    "LOGISTIC",
    "HARD_SWISH",
    "LEAKY_RELU",
]
Shape = tuple[int, ...]
AXES = "axes"
_KINDS: dict[str, TfliteKind] = {
    "conv": "CONV_2D",
    "depthwise": "DEPTHWISE_CONV_2D",
    "linear": "FULLY_CONNECTED",
    "mean": "MEAN",
    "add": "ADD",
    "mul": "MUL",
}
_TABLES: dict[str, TfliteKind] = {
    "sigmoid": "LOGISTIC",
    "hard_swish": "HARD_SWISH",
    "leaky_relu": "LEAKY_RELU",
}


class TfliteOperator(NamedTuple):
    """One operator of a TFLite file.

    Attributes:
        source: name of the `Operator` that it is part of.
        inputs: names of the activations read; the file's order.
        constants: names of the constant tensors read after them; operators that name the same one
            share it.
        output: name of the tensor made.
        in_shape, out_shape: of the first input and of the output as the file has them: (1, height,
            width, channels) or (1, channels).
        padding: of a convolution, as TensorFlow defines it.
        pad: pixels that a PAD adds (before, after) in height and in width.
        activation: fused; ``none``, ``relu`` or ``relu6``.
    """

    kind: TfliteKind
    source: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    output: str
    in_shape: Shape
    out_shape: Shape
    kernel: int = 1
    stride: int = 1
    padding: Literal["SAME", "VALID"] = "VALID"
    pad: tuple[int, int] = (0, 0)
    activation: str = "none"


def tflite_operators(graph: Iterable[Operator]) -> tuple[TfliteOperator, ...]:
    """The operators of a TFLite file, in the order of execution.

    ReLU and ReLU6 are fused; every other activation is an operator of its own, swish two, since
    TFLite has none. Padding that is not TensorFlow's SAME becomes a PAD.
    """
    graph = tuple(graph)
    # What a linear layer reads has lost its two spatial dimensions.
    flat = {operator.inputs[0] for operator in graph if operator.kind == "linear"}
    flat |= {operator.name for operator in graph if operator.kind == "linear"}
    return tuple(part for operator in graph for part in _parts(operator, flat))


def _parts(operator: Operator, flat: set[str]) -> Iterator[TfliteOperator]:
    name, inputs = operator.name, operator.inputs
    in_shape = _channels_last(operator.in_shape, inputs[0] in flat)
    out_shape = _channels_last(operator.out_shape, name in flat)
    fused = operator.activation in FUSED
    padding: Literal["SAME", "VALID"] = "VALID"
    if operator.kind in ("conv", "depthwise"):
        if operator.padding == pad_same(operator.in_shape[1], operator.kernel, operator.stride):
            padding = "SAME"
        elif operator.padding != (0, 0):
            pad = _pad(operator, in_shape)
            yield pad
            inputs, in_shape = (pad.output,), pad.out_shape
    yield TfliteOperator(
        _KINDS[operator.kind],
        name,
        inputs,
        _constants(operator),
        name if fused else tensor_before_table(operator),
        in_shape,
        out_shape,
        operator.kernel,
        operator.stride,
        padding,
        activation=operator.activation if fused else "none",
    )
    if not fused:
        yield from _table(operator, out_shape)


def _pad(operator: Operator, in_shape: Shape) -> TfliteOperator:
    before, after = operator.padding
    batch, height, width, channels = in_shape
    out_shape = (batch, height + before + after, width + before + after, channels)
    constants = (f"pad_{before}_{after}",)
    return TfliteOperator(
        "PAD",
        operator.name,
        operator.inputs,
        constants,
        f"{operator.name}.pad",
        in_shape,
        out_shape,
        pad=operator.padding,
    )


def _table(operator: Operator, shape: Shape) -> Iterator[TfliteOperator]:
    name, before = operator.name, tensor_before_table(operator)
    if operator.activation == "swish":
        sigmoid = f"{name}.sigmoid"
        yield TfliteOperator("LOGISTIC", name, (before,), (), sigmoid, shape, shape)
        yield TfliteOperator("MUL", name, (before, sigmoid), (), name, shape, shape)
    else:
        yield TfliteOperator(_TABLES[operator.activation], name, (before,), (), name, shape, shape)


def _constants(operator: Operator) -> tuple[str, ...]:
    if operator.kind in ("conv", "depthwise", "linear"):
        return (f"{operator.name}.weights", f"{operator.name}.bias")
    return (AXES,) if operator.kind == "mean" else ()


def _channels_last(shape: ChannelsFirst, flat: bool) -> Shape:
    channels, height, width = shape
    return (1, channels) if flat else (1, height, width, channels)


def activation_shapes(graph: Iterable[TfliteOperator]) -> dict[str, Shape]:
    """Name -> shape of every tensor that is no constant, in the file's order: the image first, then
    as they are made.
    """
    graph = tuple(graph)
    return {INPUT: graph[0].in_shape} | {operator.output: operator.out_shape for operator in graph}
