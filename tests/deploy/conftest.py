"""Integer graphs with random constants: what a runtime must count and compute does not depend on a
training.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.deploy.int8.graph import SIGMOID, Filter, IntegerGraph, Scale
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.network import Operator
from lmanet.network.int8 import FUSED, tensor_before_table
from lmanet.space import load_space


def _scale(rng: np.random.Generator, activation: str) -> Scale:
    if activation == "sigmoid":
        return SIGMOID
    scale = float(np.float32(rng.uniform(0.01, 0.05)))
    return Scale(scale, -128 if activation in ("relu", "relu6") else int(rng.integers(-20, 20)))


def _filter(
    rng: np.random.Generator, operator: Operator, input_scale: float, output_scale: float
) -> Filter:
    shape = operator.filter_shape
    fan_in = int(np.prod(shape[1:]))
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    # So that a sum of fan_in products of standard deviation 73 x 40 spreads over the int8 range of
    # the result, and so on to the last layer.
    usual = output_scale * 60 / (73 * 40 * np.sqrt(fan_in) * input_scale)
    scales = (usual * rng.uniform(0.5, 1.5, shape[0])).astype(np.float32)
    if operator.kind == "linear":
        scales[:] = 2 * scales[0]  # means of whole maps differ less than pixels
    bias = rng.integers(-2000, 2000, shape[0]).astype(np.int32)
    return Filter(weights, scales, bias)


def random_graph(operators: Sequence[Operator], seed: int = 0) -> IntegerGraph:
    """Random weights and scales that neither saturate nor vanish, for any operators."""
    rng = np.random.default_rng(seed)
    scales = {"input": Scale(float(np.float32(0.02)), int(rng.integers(-10, 10)))}
    filters = {}
    for operator in operators:
        source = scales[operator.inputs[0]]
        if operator.kind == "mean":
            scales[operator.name] = Scale(source.scale * 0.9, source.zero_point)
            continue
        if operator.activation not in FUSED:
            scales[tensor_before_table(operator)] = _scale(rng, "none")
        scales[operator.name] = _scale(rng, operator.activation)
        if operator.kind in ("conv", "depthwise", "linear"):
            linear = scales[
                operator.name if operator.activation in FUSED else tensor_before_table(operator)
            ]
            filters[operator.name] = _filter(rng, operator, source.scale, linear.scale)
    return IntegerGraph(
        tuple(operators),
        scales,
        filters,
        tuple(f"class{i}" for i in range(operators[-1].out_shape[0])),
        (0.0,) * operators[0].in_shape[0],
        (1.0,) * operators[0].in_shape[0],
    )


@pytest.fixture(scope="session")
def integer_graph():
    return random_graph


@pytest.fixture(scope="session")
def small_architecture():
    """A random architecture at some small size and with few weights, in both paddings by turns."""

    def sample(space, seed, largest=32):
        rng = np.random.default_rng(seed)
        choices = {
            "resolution": [int(rng.integers(9, largest))],
            "padding": [("same", "torch")[seed % 2]],
            "stage": {"layers": [1, 2]},
        }
        drawn = load_space(space, choices)
        return next(
            each
            for each in iter(lambda: drawn.sample(rng), None)
            if estimate(each, 100).flash_bytes < 400_000
        )

    return sample


@pytest.fixture(scope="session")
def on_host():
    """What the generated C of a graph makes of some inputs on this machine."""
    toolchain = toolchain_named("zig")

    def outputs(graph, inputs, options=None):
        with tempfile.TemporaryDirectory(prefix="lmanet-") as name:
            folder = Path(name)
            write_program(graph, folder, options)
            return HostNetwork(toolchain.compile_host_network(folder, folder / "network.so")).run(
                inputs
            )

    return outputs
