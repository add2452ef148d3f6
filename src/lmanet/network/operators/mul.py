"""A tensor times one value a channel, as squeeze-and-excitation scales: TFLite's MUL."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lmanet.network.fixed_point import channel, halves
from lmanet.network.int8 import LEVELS, MOST_MULTIPLIER, Scale
from lmanet.network.operators.builtin import Builtin, Params, Sizes
from lmanet.network.operators.conv import OPERATOR_BYTES
from lmanet.network.operators.kind import CKernel, Counts, Form, Operator, OperatorKind, Shape
from lmanet.network.operators.mean import map_numbers


def shape(in_shape: Shape, form: Form) -> Shape:
    """As the first input."""
    return in_shape


def compute(inputs: Sequence[Any]) -> Any:
    """In float."""
    return inputs[0] * inputs[1]


def scale_bounds(scales: Sequence[float]) -> tuple[float, float]:
    """Below the least the multiplier would reach a half; the greatest spans every product."""
    return scales[0] * scales[1] / MOST_MULTIPLIER, scales[0] * scales[1] * LEVELS


def constants(operator: Operator, inputs: Sequence[Scale], result: Scale) -> dict[str, Any]:
    """Of ``lm_scale_layer``."""
    source, gate = inputs
    zeros = {"zero": source.zero_point, "gate_zero": gate.zero_point}
    real = np.float64(source.scale) * np.float64(gate.scale) / np.float64(result.scale)
    scale = channel(operator.name, float(real), most=255 * 255)
    return map_numbers(operator) | zeros | {"scale": scale, "halves": halves(result)}


def pieces(operator: Operator) -> Counts:
    """Each value is multiplied by itself."""
    return [("scale: value", prod(operator.in_shape))]


KIND = OperatorKind(
    name="mul",
    shape=shape,
    compute=compute,
    scale_bounds=scale_bounds,
    c=CKernel(
        name="scale",
        bits={
            "lm_scale_layer": {
                **dict.fromkeys(("pixels", "channels", "halves"), 32),
                **dict.fromkeys(("zero", "gate_zero"), 16),
            }
        },
        numbers=lambda operator: {"lm_scale_layer": map_numbers(operator)},
        constants=constants,
        flash_bytes=lambda operator: OPERATOR_BYTES,
        pieces=pieces,
        instructions={"scale: value": 12.51},
    ),
    tflite=Builtin(
        name="MUL",
        version=2,
        cortex_m=Sizes(36, Params(1, 1)),
        host=Sizes(36, Params(4, 4)),
        options="MulOptions",
        settings=("activation",),
    ),
)
