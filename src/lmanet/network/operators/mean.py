"""The mean of each channel over all pixels, as TFLite's MEAN."""

from collections.abc import Sequence
from math import prod
from typing import Any

from lmanet.errors import DeployError
from lmanet.network.fixed_point import fixed_point
from lmanet.network.int8 import Scale
from lmanet.network.operators.builtin import Builtin, Params, Sizes, TfliteShape
from lmanet.network.operators.conv import OPERATOR_BYTES
from lmanet.network.operators.kind import (
    CKernel,
    Counts,
    Form,
    Operator,
    OperatorKind,
    Shape,
)

INT32_BYTES = 4
# What ``lm_mean`` and TFLite multiply has 32 bits.
MOST_SUM = 2**31 - 1


def shape(in_shape: Shape, form: Form) -> Shape:
    """One pixel."""
    return in_shape[0], 1, 1


def compute(inputs: Sequence[Any]) -> Any:
    """In float."""
    return inputs[0].mean((2, 3), keepdim=True)


def scale_bounds(scales: Sequence[float]) -> tuple[float, float]:
    """The result lies within the input's range."""
    return scales[0] / 256, scales[0]


def map_numbers(operator: Operator) -> dict[str, int]:
    """Sizes of a whole tensor, as in ``lm_mean_layer`` and ``lm_scale_layer``."""
    return {"pixels": prod(operator.in_shape[1:]), "channels": operator.in_shape[0]}


def constants(operator: Operator, inputs: Sequence[Scale], result: Scale) -> dict[str, int]:
    """Of ``lm_mean_layer``."""
    sizes = map_numbers(operator)
    integer, exponent = multiplier(operator, inputs[0], result)
    return sizes | {
        "zero": inputs[0].zero_point * sizes["pixels"],
        "multiplier": integer,
        "exponent": exponent,
        "out_zero": result.zero_point,
    }


def multiplier(operator: Operator, source: Scale, target: Scale) -> tuple[int, int]:
    """TFLite's multiplier and exponent of MEAN, with the division by the number of pixels in it.

    Raises:
        DeployError: the sum over all pixels does not fit 32 bits.
    """
    pixels = prod(operator.in_shape[1:])
    integer, exponent = fixed_point(source.scale / target.scale)
    room = min(pixels.bit_length() - 1, 32, 31 + exponent)
    if (most := 255 * pixels << max(exponent - room, 0)) > MOST_SUM:
        raise DeployError(
            f"{operator.name}: the sum over {pixels} pixels may be {most}, and the kernels hold at "
            f"most {MOST_SUM}; take a smaller resolution, or stride 2 earlier"
        )
    return (integer << room) // pixels, exponent - room


def pieces(operator: Operator) -> Counts:
    """Four values are summed at a time."""
    values = prod(operator.in_shape)
    return [("mean: four values", values // 4), ("mean: channel", operator.in_shape[0])]


def scratch(
    kernel: tuple[int, int], in_shape: TfliteShape, out_shape: TfliteShape
) -> tuple[int, ...]:
    """Indices, axes (height and width) and sums."""
    return INT32_BYTES * len(in_shape), INT32_BYTES * 2, INT32_BYTES * prod(out_shape)


KIND = OperatorKind(
    name="mean",
    shape=shape,
    compute=compute,
    scale_bounds=scale_bounds,
    c=CKernel(
        name="mean",
        bits={
            "lm_mean_layer": dict.fromkeys(
                ("pixels", "channels", "zero", "multiplier", "exponent", "out_zero"), 32
            )
        },
        numbers=lambda operator: {"lm_mean_layer": map_numbers(operator)},
        constants=constants,
        flash_bytes=lambda operator: OPERATOR_BYTES,
        distance=lambda operator: None,  # it still reads its input after its last write
        pieces=pieces,
        instructions={"mean: channel": 67.70, "mean: four values": 7.16},
    ),
    tflite=Builtin(
        name="MEAN",
        version=2,
        cortex_m=Sizes(44, Params(1, 1)),
        host=Sizes(44, Params(1, 1)),
        options="ReducerOptions",
        settings=("keep_dims",),
        scratch=scratch,
        shared={"axes": (1, 2)},  # height and width
    ),
)
