"""Which operators and tensors a TFLite file of a network holds."""

import pytest

from lmanet.cost.tflm.operators import activation_shapes, tflite_operators
from lmanet.network.graph import operators


def _of(architecture):
    return tflite_operators(operators(architecture, 10))


def _kinds(architecture, source):
    return [operator.kind for operator in _of(architecture) if operator.source == source]


def test_a_depthwise_stage_by_hand(make):
    depthwise, project, pool, linear = _of(make())
    assert (depthwise.kind, depthwise.activation, depthwise.padding) == (
        "DEPTHWISE_CONV_2D",
        "relu6",
        "SAME",
    )
    assert depthwise[2:7] == (
        ("input",),
        ("stage1.0.depthwise.weights", "stage1.0.depthwise.bias"),
        "stage1.0.depthwise",
        (1, 32, 32, 3),
        (1, 32, 32, 3),
    )
    assert (project.kind, project.activation, project.out_shape) == (
        "CONV_2D",
        "none",
        (1, 32, 32, 16),
    )
    assert (pool.kind, pool.constants, pool.out_shape) == ("MEAN", ("axes",), (1, 16))
    assert (linear.kind, linear.in_shape, linear.out_shape) == ("FULLY_CONNECTED", (1, 16), (1, 10))


@pytest.mark.parametrize(
    ("activation", "kinds"),
    [
        ("relu6", ["DEPTHWISE_CONV_2D"]),
        ("leaky_relu", ["DEPTHWISE_CONV_2D", "LEAKY_RELU"]),
        ("hard_swish", ["DEPTHWISE_CONV_2D", "HARD_SWISH"]),
        ("swish", ["DEPTHWISE_CONV_2D", "LOGISTIC", "MUL"]),
    ],
)
def test_an_activation_that_is_not_fused_is_an_operator(make, activation, kinds):
    network = make({"activation": activation})
    assert _kinds(network, "stage1.0.depthwise") == kinds
    assert _of(network)[len(kinds) - 1].output == "stage1.0.depthwise"


def test_swish_reads_both_tensors(make):
    convolution, sigmoid, product = _of(make({"activation": "swish"}))[:3]
    assert convolution.output == "stage1.0.depthwise.pre"
    assert (sigmoid.inputs, sigmoid.output) == (
        ("stage1.0.depthwise.pre",),
        "stage1.0.depthwise.sigmoid",
    )
    assert product.inputs == ("stage1.0.depthwise.pre", "stage1.0.depthwise.sigmoid")


def test_squeeze_and_excitation_keeps_its_dimensions(make):
    gate = {operator.output: operator for operator in _of(make({"se_ratio": 0.5}))}
    assert gate["stage1.0.se_mean"].out_shape == (1, 1, 1, 3)
    assert gate["stage1.0.se_reduce"].activation == "relu"
    assert gate["stage1.0.se_expand"].kind == "LOGISTIC"
    assert gate["stage1.0.se_scale"].inputs == ("stage1.0.depthwise", "stage1.0.se_expand")


@pytest.mark.parametrize(
    ("padding", "stride", "resolution", "kinds"),
    [
        ("same", 2, 32, ["DEPTHWISE_CONV_2D"]),
        ("torch", 1, 32, ["DEPTHWISE_CONV_2D"]),
        ("torch", 2, 33, ["DEPTHWISE_CONV_2D"]),  # on an odd size the two paddings agree
        ("torch", 2, 32, ["PAD", "DEPTHWISE_CONV_2D"]),
    ],
)
def test_padding_that_is_not_same_becomes_an_operator(make, padding, stride, resolution, kinds):
    network = make({"stride": stride}, padding=padding, resolution=resolution)
    assert _kinds(network, "stage1.0.depthwise") == kinds
    *pad, convolution = _of(network)[: len(kinds)]
    assert convolution.padding == ("VALID" if pad else "SAME")
    if pad:
        assert (pad[0].output, pad[0].pad, pad[0].out_shape) == (
            "stage1.0.depthwise.pad",
            ((1, 1), (1, 1)),
            (1, 34, 34, 3),
        )
        assert (convolution.inputs, convolution.in_shape) == (
            ("stage1.0.depthwise.pad",),
            (1, 34, 34, 3),
        )


def test_tensors_in_the_order_of_the_file(make):
    assert list(activation_shapes(_of(make({"activation": "leaky_relu"})))) == [
        "input",
        "stage1.0.depthwise.pre",
        "stage1.0.depthwise",
        "stage1.0.project",
        "classifier.pool",
        "classifier.linear",
    ]
