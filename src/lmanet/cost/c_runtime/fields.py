"""Numbers in the structures of our generated C, each held against the width of its field in
`lmanet_kernels.h`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lmanet.network.operators import KINDS, Operator, c_kernel

# Of structures that no kind of operator has for itself: structure -> field -> bits, sign included.
SHARED_BITS: dict[str, dict[str, int]] = {"lm_channel": {"bias": 32, "multiplier": 32, "shift": 32}}
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
            f"{self.layer}: {self.field}={self.value}, and the generated C holds at {bound} "
            f"{self.limit}; {self.advice}"
        )


def field_bits(struct: str) -> Mapping[str, int]:
    """Field of a structure -> its bits, sign included."""
    return next(
        (kind.c.bits[struct] for kind in KINDS.values() if kind.c and struct in kind.c.bits),
        SHARED_BITS.get(struct, {}),
    )


def overflow(struct: str, layer: str, field: str, value: int) -> Overflow | None:
    """What is wrong with a number of a layer; None where its field holds it."""
    bound = 1 << field_bits(struct)[field] - 1
    if -bound <= value < bound:
        return None
    limit = bound - 1 if value > 0 else -bound
    return Overflow(
        layer, f"{struct}.{field}", value, limit, ADVICE.get(field, "quantise with lmanet.deploy")
    )


def overflows(operator: Operator) -> Iterator[Overflow]:
    """Everything that keeps an operator of this shape out of the generated C."""
    for struct, numbers in c_kernel(operator).numbers(operator).items():
        for field, value in numbers.items():
            if found := overflow(struct, operator.name, field, value):
                yield found
