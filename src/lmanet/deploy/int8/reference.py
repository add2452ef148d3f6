"""An integer graph in plain integers, as TFLite defines each operator: what our C is held against
where TensorFlow Lite Micro is not to be had.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.int8.graph import IntegerGraph, Scale
from lmanet.deploy.write.constants import activation_table
from lmanet.errors import DeployError
from lmanet.network import Operator
from lmanet.network.fixed_point import Integers, divide, high_product, multiply
from lmanet.network.graph import INPUT
from lmanet.network.int8 import FUSED
from lmanet.network.operators.mean import multiplier as mean_multiplier

# Values without their zero points, and their scales -> values in steps of the result.
Rule = Callable[[Operator, Sequence[Integers], Sequence[Scale], Scale], Integers]


def run_reference(graph: IntegerGraph, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """Logits int8 (N, classes) of images (N, height, width, channels).

    Raises:
        DeployError: an operator is of a kind of one's own, which no rule is known of.
    """
    return np.stack([_run(graph, image) for image in inputs])


def _run(graph: IntegerGraph, image: NDArray[np.int8]) -> NDArray[np.int8]:
    tensors = {INPUT: image}
    for operator in graph.operators:
        sources = [graph.scales[name] for name in operator.inputs]
        values = [
            tensors[name].astype(np.int64) - scale.zero_point
            for name, scale in zip(operator.inputs, sources, strict=True)
        ]
        target = graph.linear_scale(operator)
        if operator.weights:
            made = _weighted(graph, operator, values[0])
        elif rule := RULES.get(operator.kind):
            made = rule(operator, values, sources, target)
        else:
            raise DeployError(
                f"{operator.name}: the reference has no rule of kind={operator.kind}; legal are "
                f"{', '.join(RULES)}, or deploy on Linux on x86-64, where TFLM runs"
            )
        result = np.clip(made + target.zero_point, -128, 127)
        table = None if operator.activation in FUSED else activation_table(graph, operator)
        tensors[operator.name] = (result if table is None else table[result + 128]).astype(np.int8)
    return tensors[graph.operators[-1].name].reshape(-1)


def _weighted(graph: IntegerGraph, operator: Operator, values: Integers) -> Integers:
    """Of a convolution or linear layer, each channel by its own multiplier."""
    constants = graph.filters[operator.name]
    sums = _sums(operator, constants.weights, values) + constants.bias.astype(np.int64)
    source, target = graph.scales[operator.inputs[0]], graph.linear_scale(operator)
    # in double precision, as TFLite
    reals = source.scale * constants.scales.astype(np.float64) / target.scale
    channels = [multiply(sums[..., i], float(real)) for i, real in enumerate(reals)]
    return np.stack(channels, axis=-1)


def _sums(operator: Operator, weights: NDArray[np.int8], values: Integers) -> Integers:
    (_, height, width), stride = operator.out_shape, operator.stride
    padded = np.pad(values, (operator.padding, operator.padding, (0, 0)))
    sums = np.zeros((height, width, operator.out_shape[0]), np.int64)
    for y, x in np.ndindex(operator.kernel, operator.kernel):
        rows = slice(y, y + stride * (height - 1) + 1, stride)
        pixels = padded[rows, x : x + stride * (width - 1) + 1 : stride]
        tap = weights[:, :, y, x].astype(np.int64)
        sums += pixels * tap[:, 0] if operator.groups > 1 else pixels @ tap.T
    return sums


def _add(
    operator: Operator, values: Sequence[Integers], sources: Sequence[Scale], target: Scale
) -> Integers:
    unit = 2 * max(source.scale for source in sources)
    first, second = (
        multiply(value << 20, source.scale / unit)
        for value, source in zip(values, sources, strict=True)
    )
    return multiply(first + second, unit / (2**20 * target.scale))


def _mul(
    operator: Operator, values: Sequence[Integers], sources: Sequence[Scale], target: Scale
) -> Integers:
    return multiply(values[0] * values[1], prod(each.scale for each in sources) / target.scale)


def _mean(
    operator: Operator, values: Sequence[Integers], sources: Sequence[Scale], target: Scale
) -> Integers:
    integer, exponent = mean_multiplier(operator, sources[0], target)
    sums = values[0].sum((0, 1), keepdims=True)
    return divide(high_product(sums << max(exponent, 0), integer), max(-exponent, 0))


RULES: dict[str, Rule] = {"add": _add, "mul": _mul, "mean": _mean}
