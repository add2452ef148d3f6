"""The generated C against TFLM, to the bit: every operator alone at its edges, and random networks
in every memory plan.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lmanet.cost import CStaticOptions
from lmanet.deploy.int8.graph import Filter, IntegerGraph, Scale
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.write.tflite import write_tflite
from lmanet.network import Operator
from lmanet.network.graph import INPUT, operators, pad_same
from lmanet.network.int8 import TABLES, tensor_before_table

pytestmark = pytest.mark.slow  # compiles

ALL_OPTIONS = [CStaticOptions(*choice) for choice in itertools.product((False, True), repeat=3)]
# Size of the map, kernel, stride: single pixels, kernels larger than the map, odd and even sizes.
WINDOWS = [
    (1, 1, 1),
    (1, 3, 1),
    (1, 7, 2),
    (2, 5, 1),
    (2, 3, 2),
    (3, 7, 1),
    (4, 3, 2),
    (5, 1, 2),
    (6, 5, 2),
    (7, 3, 1),
    (8, 7, 2),
]
CHANNELS = (1, 2, 3, 5, 17)
IMAGES = 3


def sliding(kind, channels, outputs, window, padding="same", **fields):
    size, kernel, stride = window
    pad = pad_same(size, kernel, stride) if padding == "same" else (kernel // 2, kernel // 2)
    out = (size + sum(pad) - kernel) // stride + 1
    shape = (channels if kind == "depthwise" else outputs, out, out)
    return Operator(
        f"a.{kind}",
        kind,
        (INPUT,),
        (channels, size, size),
        shape,
        kernel,
        stride,
        pad,
        bias=True,
        **fields,
    )


def linear(channels, outputs):
    return Operator("a.linear", "linear", (INPUT,), (channels, 1, 1), (outputs, 1, 1), bias=True)


def with_reader(graph: IntegerGraph) -> IntegerGraph:
    """The graph with a convolution after it that copies its last tensor, every pixel of it, into
    the logits.

    Its window is the whole map, its weights are 4 or 0, its multiplier a quarter.
    """
    last = graph.operators[-1]
    channels, size, _ = last.out_shape
    count, scale = channels * size * size, graph.scales[last.name]
    reader = Operator(
        "z.reader", "conv", (last.name,), last.out_shape, (count, 1, 1), size, bias=True
    )
    weights = 4 * np.eye(count, dtype=np.int8).reshape(count, size, size, channels).transpose(
        0, 3, 1, 2
    )
    filters = {
        **graph.filters,
        reader.name: Filter(weights, np.full(count, 0.25, np.float32), np.zeros(count, np.int32)),
    }
    return replace(
        graph,
        operators=(*graph.operators, reader),
        scales={**graph.scales, reader.name: scale},
        filters=filters,
        labels=tuple(map(str, range(count))),
    )


def images(graph, seed=0):
    channels, height, width = graph.operators[0].in_shape
    flat = graph.operators[0].kind == "linear"
    shape = (IMAGES, channels) if flat else (IMAGES, height, width, channels)
    made = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    made[0] = np.where(made[0] < 0, -128, 127)  # the largest sums
    return made


@pytest.fixture(scope="module")
def check(on_host):
    """Compare the C with TFLM on a graph; gives the logits."""

    def compare(graph, options=None):
        inputs = images(graph)
        expected = run_tflm(write_tflite(graph, "test"), inputs).outputs
        np.testing.assert_array_equal(on_host(graph, inputs, options), expected)
        return expected

    return compare


def scaled(graph, name, factor):
    """The graph with all multipliers of an operator ``factor`` times as large, as far as the
    kernels take them.
    """
    operator = next(each for each in graph.operators if each.name == name)
    constants, unit = (
        graph.filters[name],
        graph.linear_scale(operator).scale / graph.scales[operator.inputs[0]].scale,
    )
    scales = np.clip(constants.scales * factor, unit * 2**-22 * 1.001, unit * 0.4999).astype(
        np.float32
    )
    return replace(graph, filters={**graph.filters, name: replace(constants, scales=scales)})


@pytest.mark.parametrize("number", range(len(WINDOWS)))
@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("kind", ["conv", "depthwise"])
def test_windows(check, integer_graph, kind, padding, number):
    """Each window with some number of channels and some activation, in turn."""
    turn = number + (padding == "torch") + 2 * (kind == "conv")
    activation = ("none", "relu6", *TABLES)[turn % 6]
    layer = sliding(
        kind,
        CHANNELS[turn % 5],
        CHANNELS[turn // 2 % 5],
        WINDOWS[number],
        padding,
        activation=activation,
    )
    assert len(np.unique(check(with_reader(integer_graph([layer], turn))))) > 1


@pytest.mark.parametrize(("channels", "outputs"), list(itertools.product(CHANNELS, CHANNELS)))
def test_pointwise_convolutions_of_every_width(check, integer_graph, channels, outputs):
    """Sizes 1 to 5, so that pixels fill no, one and several blocks, and one more."""
    check(
        with_reader(
            integer_graph(
                [sliding("conv", channels, outputs, (1 + (channels + outputs) % 5, 1, 1))], channels
            )
        )
    )


@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (2, 17), (3, 5), (17, 2), (100, 33)])
def test_linear(check, integer_graph, channels, outputs):
    check(integer_graph([linear(channels, outputs)], outputs))


@pytest.mark.parametrize(("channels", "size"), [(1, 1), (1, 17), (2, 2), (3, 9), (5, 6), (17, 3)])
def test_mean_mul_and_add(check, integer_graph, channels, size):
    shape, pooled = (channels, size, size), (channels, 1, 1)
    mean = Operator("a.mean", "mean", (INPUT,), shape, pooled)
    check(integer_graph([mean], size))
    check(
        with_reader(
            integer_graph([mean, Operator("a.mul", "mul", (INPUT, "a.mean"), shape, shape)], size)
        )
    )
    conv = sliding("conv", channels, channels, (size, 1, 1))
    for inputs in ((conv.name, INPUT), (INPUT, conv.name)):
        graph = integer_graph([conv, Operator("a.add", "add", inputs, shape, shape)], size)
        check(with_reader(graph))
        # Summands whose scales are far apart.
        check(with_reader(replace(graph, scales={**graph.scales, INPUT: Scale(1e-4, 3)})))


def copying(activation, before, kind):
    """An operator whose sums are the image, all int8 values of it, before its activation."""
    layer = sliding(kind, 1, 1, (16, 1, 1), activation=activation)
    after = Scale(2.0**-8, -128) if activation == "sigmoid" else Scale(before.scale * 1.1, 11)
    scales = {INPUT: before, tensor_before_table(layer): before, layer.name: after}
    constants = Filter(
        np.full((1, 1, 1, 1), 4, np.int8), np.full(1, 0.25, np.float32), np.zeros(1, np.int32)
    )
    return IntegerGraph((layer,), scales, {layer.name: constants}, (), (0.0,), (1.0,))


@pytest.mark.parametrize(
    "before", [Scale(0.001, 0), Scale(0.05, -128), Scale(0.05, 127), Scale(2.0, -5)], ids=str
)
@pytest.mark.parametrize("activation", TABLES)
def test_every_value_of_every_table(on_host, activation, before):
    inputs = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)
    for kind in ("conv", "depthwise"):
        graph = with_reader(
            copying(activation, Scale(float(np.float32(before.scale)), before.zero_point), kind)
        )
        expected = run_tflm(write_tflite(graph, "test"), inputs).outputs
        np.testing.assert_array_equal(on_host(graph, inputs), expected)


@pytest.mark.parametrize("activation", ["none", "relu6"])
@pytest.mark.parametrize("kind", ["conv", "depthwise"])
def test_extreme_multipliers(check, integer_graph, kind, activation):
    """From the largest that the kernels take, where almost all saturates, to the smallest, where
    almost all is zero.
    """
    layer = sliding(kind, 5, 5, (6, 3, 1), activation=activation)
    graph = integer_graph([layer])
    pinned, vanishing = (
        check(with_reader(scaled(graph, layer.name, factor))) for factor in (1e9, 1e-9)
    )
    assert np.isin(pinned, (pinned.min(), pinned.max())).mean() > 0.9
    assert len(np.unique(vanishing)) <= 2
    if activation == "none":
        assert (pinned.min(), pinned.max()) == (-128, 127)


def test_extreme_multipliers_of_a_linear_layer(check, integer_graph):
    graph = integer_graph([linear(33, 40)])
    assert np.isin(check(scaled(graph, "a.linear", 1e9)), (-128, 127)).mean() > 0.9
    assert len(np.unique(check(scaled(graph, "a.linear", 1e-9)))) <= 2


@pytest.mark.parametrize(
    ("space", "seed"),
    [
        *itertools.product(("lmanet", "mcu"), range(3)),
        ("mcu", 8),
    ],  # the last has blocks run by pixels
)
def test_random_networks_in_every_memory_plan(
    on_host, integer_graph, small_architecture, space, seed
):
    graph = integer_graph(operators(small_architecture(space, seed), 100), seed)
    inputs = images(graph)
    expected = run_tflm(write_tflite(graph, "test"), inputs).outputs
    assert len(np.unique(expected)) > 10
    for options in ALL_OPTIONS:
        np.testing.assert_array_equal(
            on_host(graph, inputs, options), expected, err_msg=str(options)
        )
