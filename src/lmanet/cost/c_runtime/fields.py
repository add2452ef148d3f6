"""Numbers in the structures of our generated C, each held against the width of its field in
`lmanet_kernels.h`.
"""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from lmanet.cost.c_runtime.scratch import rows_pitch, whole_words
from lmanet.network.graph import Operator

# Structure -> field -> bits, sign included.
BITS: dict[str, dict[str, int]] = {
    "lm_channel": {"bias": 32, "multiplier": 32, "shift": 32},
    "lm_dense": {"inputs": 16, "column": 16, "outputs": 16, "halves": 16},
    "lm_window": {
        **{"in_height": 16, "in_width": 16, "in_channels": 16, "out_height": 16, "out_width": 16},
        **{"kernel": 8, "stride": 8, "before": 8, "zero": 8},
    },
    "lm_add_layer": {"halves": 32},
    "lm_rows_layer": {"in_channels": 16, "pitch": 16, "halves": 16},
    "lm_mean_layer": {
        "pixels": 32,
        "channels": 32,
        "zero": 32,
        "multiplier": 32,
        "exponent": 32,
        "out_zero": 32,
    },
    "lm_scale_layer": {"pixels": 32, "channels": 32, "zero": 16, "gate_zero": 16, "halves": 32},
}
# Bytes that a 32-bit address and the kernels' offsets reach.
MOST_BYTES = 2**31 - 1
CHANNELS = "take fewer channels, a smaller expansion or a smaller kernel"
SIZE = "take a smaller resolution, or stride 2 earlier"
ADVICE = {
    **dict.fromkeys(("inputs", "column", "outputs", "in_channels", "channels"), CHANNELS),
    **dict.fromkeys(("in_height", "in_width", "out_height", "out_width", "pitch", "pixels"), SIZE),
    **dict.fromkeys(("kernel", "stride", "before"), "take a smaller kernel and stride"),
}


class Overflow(NamedTuple):
    """A number that its field does not hold.

    Attributes:
        layer: name of the operator.
        field: ``structure.name``.
        limit: the bound that ``value`` lies beyond.
        advice: what to change.
    """

    layer: str
    field: str
    value: int
    limit: int
    advice: str

    def __str__(self) -> str:
        bound = "most" if self.value > 0 else "least"
        return (
            f"{self.layer}: {self.field}={self.value}, and the generated C holds at "
            f"{bound} {self.limit}; {self.advice}"
        )


def overflow(struct: str, layer: str, field: str, value: int) -> Overflow | None:
    """What is wrong with a number of a layer; None where its field holds it."""
    bound = 1 << BITS[struct][field] - 1
    if -bound <= value < bound:
        return None
    limit = bound - 1 if value > 0 else -bound
    return Overflow(
        layer, f"{struct}.{field}", value, limit, ADVICE.get(field, "quantise with lmanet.deploy")
    )


def dense_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_dense``, as far as they follow from shapes."""
    inputs = operator.kernel**2 * operator.in_shape[0]
    return {"inputs": inputs, "column": whole_words(inputs), "outputs": operator.out_shape[0]}


def window_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_window``."""
    (channels, height, width), (_, out_height, out_width) = operator.in_shape, operator.out_shape
    image = {
        "in_height": height,
        "in_width": width,
        "in_channels": channels,
        "out_height": out_height,
        "out_width": out_width,
    }
    return {
        **image,
        "kernel": operator.kernel,
        "stride": operator.stride,
        "before": operator.padding[0],
    }


def map_numbers(operator: Operator) -> dict[str, int]:
    """Of ``lm_mean_layer`` and ``lm_scale_layer``."""
    return {"pixels": prod(operator.in_shape[1:]), "channels": operator.in_shape[0]}


def overflows(operator: Operator) -> Iterator[Overflow]:
    """Everything that keeps an operator of this shape out of the generated C."""
    for struct, numbers in _numbers(operator):
        for field, value in numbers.items():
            if found := overflow(struct, operator.name, field, value):
                yield found


def _numbers(operator: Operator) -> Iterator[tuple[str, dict[str, int]]]:
    if operator.kind in ("conv", "linear"):
        yield "lm_dense", dense_numbers(operator)
    if operator.kind == "depthwise":
        yield "lm_rows_layer", {"pitch": rows_pitch(operator)}
    if operator.kind in ("conv", "linear", "depthwise"):
        yield "lm_window", window_numbers(operator)
    if operator.kind in ("mean", "mul"):
        yield (
            "lm_mean_layer" if operator.kind == "mean" else "lm_scale_layer",
            map_numbers(operator),
        )
