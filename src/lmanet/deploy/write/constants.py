"""Activations of int8 values as tables of 256, equal to the bit to TFLite Micro's reference kernels
at every scale.

The kernels compute in fixed point, so the tables follow their arithmetic, not the activation's
formula.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.int8.graph import SIGMOID, IntegerGraph, Scale
from lmanet.network import Operator
from lmanet.network.fixed_point import Integers, divide, fixed_point, high_product, multiply
from lmanet.network.int8 import LEAKY_RELU_SLOPE, tensor_before_table

INPUTS: Integers = np.arange(-128, 128)


def activation_table(graph: IntegerGraph, operator: Operator) -> NDArray[np.int8]:
    """What the table of an operator makes of every int8 value: int8 (256,),
    at index value + 128.
    """
    source, result = graph.scales[tensor_before_table(operator)], graph.scales[operator.name]
    values = INPUTS - source.zero_point
    if operator.activation == "sigmoid":
        table = _sigmoid(values, source)
    elif (
        operator.activation == "swish"
    ):  # TFLite has none: LOGISTIC, then MUL of its input and its result
        gate = np.clip(_sigmoid(values, source), -128, 127) - SIGMOID.zero_point
        table = (
            multiply(values * gate, source.scale * SIGMOID.scale / result.scale) + result.zero_point
        )
    elif operator.activation == "leaky_relu":
        table = _leaky_relu(values, source, result)
    else:
        table = _hard_swish(values, source, result)
    return np.clip(table, -128, 127).astype(np.int8)


def _leaky_relu(values: Integers, source: Scale, result: Scale) -> Integers:
    identity = source.scale / result.scale
    slope = source.scale * float(np.float32(LEAKY_RELU_SLOPE)) / result.scale
    return (
        np.where(values >= 0, multiply(values, identity), multiply(values, slope))
        + result.zero_point
    )


def _hard_swish(values: Integers, source: Scale, result: Scale) -> Integers:
    """x * (x / 3 + 1) / 2, the last factor between 0 and 1, in 16-bit arithmetic."""
    fine = values << 7
    fine_scale = source.scale / 2**7
    multiplier, exponent = _fixed_point_16(fine_scale / result.scale)
    scaled = high_product(fine, multiplier, 15)
    gate = (_clamped_third(fine, fine_scale / (3 / 2**15)) + 2**15) >> 1
    product = gate * scaled
    # towards zero, unlike all other roundings here
    halved = np.where(product < 0, -(-product >> 15), product >> 15)
    return divide(halved, -exponent) + result.zero_point


def _clamped_third(fine: Integers, multiplier: float) -> Integers:
    """Between -1 and 1 in 15 fractional bits: what hard-swish adds 1 to."""
    integer, exponent = _fixed_point_16(multiplier)
    if exponent <= 0:
        return divide(high_product(fine, integer, 15), -exponent)
    # The last doubling comes after the product, which would otherwise lose a bit.
    return _saturated_16(high_product(_saturated_16(fine << (exponent - 1)), integer, 15) << 1)


def _sigmoid(values: Integers, source: Scale) -> Integers:
    """Fixed-point logistic function of the input in 4 integer and 27 fractional bits, result in
    steps of 1/256.
    """
    integer, exponent = fixed_point(source.scale * 2**27)
    # Beyond this the input has no room in 4 integer bits, and the result is that of infinity.
    radius = math.floor(15 * 2.0 ** (27 - exponent))
    inside = np.abs(values) < radius
    x = high_product(np.where(inside, values, 0) << exponent, integer)
    positive = _reciprocal(_exponential(-np.abs(x)))
    share = np.where(x > 0, positive, np.where(x < 0, (2**31 - 1) - positive, 2**30))
    return (
        np.where(inside, np.minimum(divide(share, 23), 255), np.where(values > 0, 255, 0))
        + SIGMOID.zero_point
    )


def _exponential(x: Integers) -> Integers:
    """exp(x) in 31 fractional bits, of x <= 0 in 27: a polynomial on [-1/4, 0), then a factor for
    each further bit of x.
    """
    quarter = 2**25
    rest = (x & (quarter - 1)) - quarter
    result = _exponential_near_zero(rest << 4)
    for bit in range(25, 31):
        factor = round(math.exp(-(2.0 ** (bit - 27))) * 2**31)
        result = np.where((rest - x) >> bit & 1, high_product(result, factor), result)
    return np.where(x == 0, 2**31 - 1, result)


def _exponential_near_zero(x: Integers) -> Integers:
    """exp(x) of x in [-1/4, 0), both in 31 fractional bits: Taylor's series of degree 4 around
    -1/8.
    """
    centre, third = round(math.exp(-1 / 8) * 2**31), round(2**31 / 3)
    x = x + 2**28
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    higher = divide(high_product(divide(x4, 2) + x3, third) + x2, 1)
    return centre + high_product(x + higher, centre)


def _reciprocal(x: Integers) -> Integers:
    """1 / (1 + x) of x in [0, 1], both in 31 fractional bits: three of Newton's steps from 48/17 -
    32/17 * half of 1 + x.
    """
    half = (x + 2**31) >> 1
    result = round(48 / 17 * 2**29) + high_product(half, round(-32 / 17 * 2**29))
    for _ in range(3):
        error = 2**29 - high_product(half, result)
        result = result + (high_product(result, error) << 2)
    saturated: Integers = np.minimum(result << 1, 2**31 - 1)
    return saturated


def _fixed_point_16(multiplier: float) -> tuple[int, int]:
    integer, exponent = fixed_point(multiplier)
    return min((integer + 2**15) >> 16, 2**15 - 1), exponent


def _saturated_16(numbers: Integers) -> Integers:
    return np.clip(numbers, -(2**15), 2**15 - 1)
