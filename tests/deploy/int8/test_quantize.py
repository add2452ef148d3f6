import numpy as np
import pytest
import torch
from torch import nn

from lmanet.deploy.int8.calibrate import METHODS, Range, calibrate
from lmanet.deploy.int8.fold import Folded, fold
from lmanet.deploy.int8.graph import Scale
from lmanet.deploy.int8.quantize import quantize, to_scale
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.write.tflite import write_tflite
from lmanet.network import Operator, parse_architecture
from lmanet.network.build import build

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
ACTIVATIONS = ("relu6", "leaky_relu", "swish", "hard_swish")
each_network = pytest.mark.parametrize(
    ("activation", "block"),
    [*((name, "mbconv") for name in ACTIVATIONS), ("relu6", "conv"), ("hard_swish", "fused")],
)


def network(activation, wild=1.0, block="mbconv"):
    """A network with batch norm statistics; gains differ by up to ``wild``
    from channel to channel.
    """
    torch.manual_seed(0)
    stage = {
        "block": block,
        "channels": 12,
        "kernel": 3,
        "stride": 1,
        "expansion": 3,
        "se_ratio": 0.5,
        "skip": True,
        "layers": 2,
    }
    stages = [
        stage | {"activation": activation, "stride": 2},
        stage | {"activation": activation, "channels": 16},
    ]
    made = build(parse_architecture({"resolution": 24, "stages": stages}), 7)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data = torch.exp(
                torch.empty(len(module.weight)).uniform_(-1, 1) * np.log(wild)
            )
            nn.init.normal_(module.bias, std=0.5)
            module.running_var.uniform_(0.5, 2.0)
    return made.eval()


def dequantised(graph):
    """The integer graph as a float network that rounds wherever the integers are rounded."""
    filters = {}
    for operator in graph.operators:
        if constants := graph.filters.get(operator.name):
            scales = torch.from_numpy(constants.scales.astype(np.float64))
            weight = torch.from_numpy(constants.weights) * scales[:, None, None, None]
            bias = (
                torch.from_numpy(constants.bias) * scales * graph.scales[operator.inputs[0]].scale
            )
            filters[operator.name] = (weight, bias)

    def rounded(name, tensor):
        scale = graph.scales[name]
        return ((tensor / scale.scale).round() + scale.zero_point).clamp(-128, 127).sub(
            scale.zero_point
        ) * scale.scale

    folded = Folded(graph.operators, filters)
    return lambda images: folded(images.double(), rounded)


def check_contract(graph):
    """What the kernels rely on, and what the format allows."""
    for operator in graph.operators:
        result = graph.linear_scale(operator).scale
        inputs = [graph.scales[name].scale for name in operator.inputs]
        if constants := graph.filters.get(operator.name):
            multipliers = inputs[0] * constants.scales.astype(np.float64) / result
            assert multipliers.min() >= 2**-22 and multipliers.max() < 0.5
            sums = np.abs(constants.weights.astype(np.int64)).sum((1, 2, 3)) * 255 + np.abs(
                constants.bias.astype(np.int64)
            )
            assert sums.max() < 2**30
            assert constants.weights.min() >= -127
            assert operator.kind != "linear" or len(set(constants.scales)) == 1
        elif operator.kind == "add":
            assert 2**-22 <= 2 * max(inputs) / 2**20 / result < 0.5
        elif operator.kind == "mul":
            assert 2**-22 <= inputs[0] * inputs[1] / result < 0.5


@each_network
def test_integers_say_nearly_what_the_network_says(activation, block):
    folded = fold(network(activation, block=block))
    images = torch.randn(40, 3, 24, 24)
    graph = quantize(
        folded, calibrate(folded, images[:20], METHODS["minmax"]), "abcdefg", MEAN, STD
    )
    with torch.no_grad():
        exact, integer = folded(images[20:]), dequantised(graph)(images[20:])
    assert (integer - exact).square().mean().sqrt() < 0.05 * exact.std()
    check_contract(graph)
    assert (graph.labels, graph.mean, graph.std) == (tuple("abcdefg"), MEAN, STD)
    assert set(graph.scales) == set(calibrate(folded, images[:1], METHODS["minmax"]))


@each_network
def test_tflm_computes_what_the_integers_say(activation, block):
    """The rounding float network is the integer graph but for halves that fall to either side."""
    pytest.importorskip("tflite_micro")
    folded = fold(network(activation, block=block))
    images = torch.randn(24, 3, 24, 24)
    graph = quantize(folded, calibrate(folded, images, METHODS["minmax"]), "abcdefg", MEAN, STD)
    source, result = graph.scales["input"], graph.scales["classifier.linear"]
    inputs = (
        (images / source.scale)
        .round()
        .add(source.zero_point)
        .clamp(-128, 127)
        .to(torch.int8)
        .permute(0, 2, 3, 1)
        .numpy()
    )
    outputs = run_tflm(write_tflite(graph, "test"), inputs).outputs.astype(float)
    with torch.no_grad():
        expected = dequantised(graph)(images).numpy() / result.scale + result.zero_point
    assert np.abs(outputs - expected).mean() < 1
    assert np.abs(outputs - expected).max() < 6


@pytest.mark.parametrize("activation", ["relu6", "hard_swish"])
def test_the_kernels_contract_holds_where_channels_differ_wildly(activation):
    made = network(activation, wild=1e4)
    with torch.no_grad():
        made.stage1_0.expand.norm.weight[0] = 0.0  # dead but for its bias
        made.stage1_0.project.norm.weight[0] = 1e-20
        made.stage1_0.project.norm.bias[0] = 3.0
    folded = fold(made)
    check_contract(
        quantize(
            folded,
            calibrate(folded, torch.randn(8, 3, 24, 24), METHODS["minmax"]),
            "abcdefg",
            MEAN,
            STD,
        )
    )


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_kernels_contract_holds_where_ranges_do_not_fit_each_other(factor):
    folded = fold(network("leaky_relu"))
    ranges = calibrate(folded, torch.randn(8, 3, 24, 24), METHODS["minmax"])
    for operator in folded.graph:
        if operator.kind in ("add", "mul", "mean"):
            low, high = ranges[operator.name]
            ranges[operator.name] = Range(low * factor, high * factor)
    check_contract(quantize(folded, ranges, "abcdefg", MEAN, STD))


def one_convolution(weight, bias, activation="none"):
    operator = Operator(
        "a.conv", "conv", ("input",), (1, 2, 2), (1, 2, 2), activation=activation, bias=True
    )
    return Folded(
        [operator], {"a.conv": (torch.full((1, 1, 1, 1), weight), torch.full((1,), bias))}
    )


def test_an_example_by_hand():
    graph = quantize(
        one_convolution(2.0, 0.5),
        {"input": Range(-1.0, 1.55), "a.conv": Range(-25.5, 25.5)},
        "a",
        MEAN,
        STD,
    )
    assert graph.scales["input"] == Scale(float(np.float32(0.01)), -28)
    assert graph.scales["a.conv"].scale == pytest.approx(0.2)
    assert graph.filters["a.conv"].weights.item() == 127
    assert graph.filters["a.conv"].scales.item() == pytest.approx(2 / 127)
    assert graph.filters["a.conv"].bias.item() == round(0.5 / (0.01 * 2 / 127))


def test_saturation_is_the_activation():
    graph = quantize(
        one_convolution(1.0, 0.0, "relu6"),
        {"input": Range(-9.0, 9.0), "a.conv": Range(-1.0, 9.0)},
        "a",
        MEAN,
        STD,
    )
    assert graph.scales["a.conv"].zero_point == -128
    assert graph.scales["a.conv"].scale == pytest.approx(6 / 255)


def test_a_multiplier_that_would_be_too_large_widens_the_result():
    graph = quantize(
        one_convolution(1000.0, 0.0),
        {"input": Range(-1.0, 1.0), "a.conv": Range(-1.0, 1.0)},
        "a",
        MEAN,
        STD,
    )
    check_contract(graph)
    assert graph.filters["a.conv"].weights.item() == 127


def test_a_bias_that_would_overflow_coarsens_the_weights():
    graph = quantize(
        one_convolution(1e-9, 5.0),
        {"input": Range(-1.0, 1.0), "a.conv": Range(0.0, 6.0)},
        "a",
        MEAN,
        STD,
    )
    check_contract(graph)
    scale = graph.scales["input"].scale * graph.filters["a.conv"].scales.item()
    assert graph.filters["a.conv"].bias.item() * scale == pytest.approx(5.0, rel=1e-3)


@pytest.mark.parametrize(
    ("span", "zero_point"),
    [
        (Range(0.0, 6.0), -128),
        (Range(-3.0, 0.0), 127),
        (Range(-1.0, 1.0), -1),
        (Range(-1.0, 254.0), -127),
        (Range(0.0, 0.0), -128),
    ],
)
def test_zero_is_an_integer(span, zero_point):
    scale = to_scale(span)
    assert scale.zero_point == zero_point
    assert scale.scale == np.float32(scale.scale) > 0
