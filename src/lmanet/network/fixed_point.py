"""TFLite's fixed-point arithmetic, and the constants of it that the C kernels read."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import DeployError
from lmanet.network.int8 import Scale

Integers = NDArray[np.int64]

MOST_SHIFT = 22
MOST_SUM = 2**30
ADVICE = "quantise with lmanet.deploy.int8.quantize"


@dataclass(frozen=True)
class Channel:
    """``lm_channel``: what turns the doubled sum of an output channel into int8."""

    bias: int
    multiplier: int
    shift: int


def fixed_point(multiplier: float) -> tuple[int, int]:
    """TFLite's form of a real multiplier: integer in [2^30, 2^31) and exponent, the multiplier
    being integer * 2^(exponent - 31).
    """
    fraction, exponent = math.frexp(multiplier)
    integer = math.floor(fraction * 2**31 + 0.5)
    if integer == 2**31:
        integer, exponent = integer // 2, exponent + 1
    return (integer, exponent) if exponent >= -31 else (0, 0)


def multiply(values: Integers, multiplier: float) -> Integers:
    """TFLite's product of int32 values and a real multiplier, rounded twice."""
    integer, exponent = fixed_point(multiplier)
    return divide(high_product(values << max(exponent, 0), integer), max(-exponent, 0))


def high_product(a: Integers, b: Integers | int, bits: int = 31) -> Integers:
    """The upper half of twice the product of two numbers of ``bits`` + 1 bits, rounded."""
    return (a * b + (1 << (bits - 1))) >> bits


def divide(numbers: Integers, exponent: int) -> Integers:
    """By a power of two, to the nearest, halves away from zero."""
    half = (1 << exponent) >> 1
    sizes = (np.abs(numbers) + half) >> exponent
    return np.where(numbers < 0, -sizes, sizes)


def channel(layer: str, real_multiplier: float, bias: int = 0, most: int = 0) -> Channel:
    """Constants of one output channel.

    Args:
        layer: name of the operator.
        real_multiplier: of the sum, to give steps of the output.
        bias: added to the sum.
        most: the largest absolute sum that can occur, ``bias`` included.

    Raises:
        DeployError: the kernels' 32 bits do not hold the sum or the multiplier.
    """
    multiplier, exponent = fixed_point(real_multiplier)
    shift = -exponent
    if most >= MOST_SUM:
        raise DeployError(
            f"{layer}: a sum of {most} may occur, and the kernels hold less than {MOST_SUM}; "
            f"{ADVICE}"
        )
    if not 1 <= shift <= MOST_SHIFT:
        legal = f"2^-{MOST_SHIFT + 1} to 0.5"
        raise DeployError(
            f"{layer}: a multiplier of {real_multiplier:.3g} is outside the kernels' {legal}; "
            f"{ADVICE}"
        )
    return Channel(2 * bias, multiplier, shift - 1)


def halves(target: Scale) -> int:
    """``halves`` of a layer: zero point of its output and the half that is added to round, both in
    halves.
    """
    return 2 * target.zero_point + 1
