"""The sum of two tensors, as skip connections make it: TFLite's ADD."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lmanet.network.fixed_point import channel, halves, multiply
from lmanet.network.int8 import MOST_MULTIPLIER, Scale
from lmanet.network.operators.builtin import Builtin, Params, Sizes
from lmanet.network.operators.kind import CKernel, Counts, Form, Operator, OperatorKind, Shape

# Two tables of 256 int32, and the struct that points to them.
FLASH_BYTES = 2 * 4 * 256 + 24
# In the order of a table by uint8.
INT8_VALUES = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)


def shape(in_shape: Shape, form: Form) -> Shape:
    """As either input."""
    return in_shape


def compute(inputs: Sequence[Any]) -> Any:
    """In float."""
    return inputs[0] + inputs[1]


def scale_bounds(scales: Sequence[float]) -> tuple[float, float]:
    """Below the least the multiplier would reach a half; the greatest spans every sum."""
    return 2 * max(scales) / 2**20 / MOST_MULTIPLIER, 2 * max(scales)


def constants(operator: Operator, inputs: Sequence[Scale], result: Scale) -> dict[str, Any]:
    """Of ``lm_add_layer``: both inputs in 20 more bits and in units of twice the larger scale,
    int32 (256,), and what turns their sum into int8.
    """
    unit = 2 * max(source.scale for source in inputs)
    first, second = (
        2 * multiply((INT8_VALUES - source.zero_point) << 20, source.scale / unit)
        for source in inputs
    )
    most = int(np.abs(first).max() + np.abs(second).max()) // 2
    return {
        "first": first.astype(np.int32),
        "second": second.astype(np.int32),
        "scale": channel(operator.name, unit / (2**20 * result.scale), most=most),
        "halves": halves(result),
    }


def pieces(operator: Operator) -> Counts:
    """Each value of the sum by itself."""
    return [("add: value", prod(operator.out_shape))]


KIND = OperatorKind(
    name="add",
    shape=shape,
    compute=compute,
    fused_as="sum",
    scale_bounds=scale_bounds,
    c=CKernel(
        name="add",
        bits={"lm_add_layer": {"halves": 32}},
        numbers=lambda operator: {},
        constants=constants,
        flash_bytes=lambda operator: FLASH_BYTES,
        overwritable=2,
        takes_size=True,
        pieces=pieces,
        instructions={"add: value": 13.14},
    ),
    tflite=Builtin(
        name="ADD",
        version=2,
        cortex_m=Sizes(60, Params(2, 1)),
        host=Sizes(60, Params(8, 4)),
        options="AddOptions",
        settings=("activation",),
    ),
)
