"""Operators of a network: order, shapes, padding; and the id that equal networks share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.network.graph import operators, pad_same
from lmanet.space import architecture_id

STEM = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}


# TensorFlow: out = ceil(size / stride), total = max((out - 1) x stride + kernel - size, 0), the odd
# pixel after the image.
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (160, 3, 1, (1, 1)),
        (160, 5, 1, (2, 2)),
        (160, 7, 1, (3, 3)),
        (160, 3, 2, (0, 1)),  # 80 outputs: 79 x 2 + 3 - 160 = 1
        (160, 5, 2, (1, 2)),  # 79 x 2 + 5 - 160 = 3
        (160, 7, 2, (2, 3)),  # 79 x 2 + 7 - 160 = 5
        (5, 3, 2, (1, 1)),  # 3 outputs: 2 x 2 + 3 - 5 = 2
        (5, 7, 2, (3, 3)),  # 2 x 2 + 7 - 5 = 6
        (1, 3, 2, (1, 1)),  # 1 output: 0 + 3 - 1 = 2
        (2, 3, 2, (0, 1)),  # 1 output: 0 + 3 - 2 = 1
        (4, 1, 2, (0, 0)),  # 2 outputs: 2 + 1 - 4 < 0
    ],
)
def test_same_padding_is_tensorflows(size, kernel, stride, padding):
    assert pad_same(size, kernel, stride) == padding


@given(
    size=st.integers(1, 300), kernel=st.sampled_from([1, 3, 5, 7]), stride=st.sampled_from([1, 2])
)
def test_same_padding_gives_ceil_of_size_over_stride(size, kernel, stride):
    before, after = pad_same(size, kernel, stride)
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert 0 <= after - before <= 1


def test_the_operators_of_a_whole_network_in_their_order(make):
    stages = (
        {
            "block": "mbconv",
            "expansion": 4,
            "stride": 2,
            "se_ratio": 0.25,
            "skip": True,
            "layers": 2,
        },
        {"channels": 24, "skip": True},
    )
    graph = operators(make(*stages, stem=STEM, head={"channels": 96, "activation": "swish"}), 10)
    assert [(operator.name, operator.out_shape) for operator in graph] == [
        ("stem.conv", (8, 16, 16)),
        ("stage1.0.expand", (32, 16, 16)),
        ("stage1.0.depthwise", (32, 8, 8)),
        ("stage1.0.se_mean", (32, 1, 1)),
        ("stage1.0.se_reduce", (8, 1, 1)),
        ("stage1.0.se_expand", (32, 1, 1)),
        ("stage1.0.se_scale", (32, 8, 8)),
        ("stage1.0.project", (16, 8, 8)),
        # the first repetition has the stride and so no skip; the second keeps its size and channels
        ("stage1.1.expand", (64, 8, 8)),
        ("stage1.1.depthwise", (64, 8, 8)),
        ("stage1.1.se_mean", (64, 1, 1)),
        ("stage1.1.se_reduce", (16, 1, 1)),
        ("stage1.1.se_expand", (64, 1, 1)),
        ("stage1.1.se_scale", (64, 8, 8)),
        ("stage1.1.project", (16, 8, 8)),
        ("stage1.1.add", (16, 8, 8)),
        # the channels differ, so the skip is a 1x1 convolution
        ("stage2.0.depthwise", (16, 8, 8)),
        ("stage2.0.project", (24, 8, 8)),
        ("stage2.0.skip", (24, 8, 8)),
        ("stage2.0.add", (24, 8, 8)),
        ("head.conv", (96, 8, 8)),
        ("classifier.pool", (96, 1, 1)),
        ("classifier.linear", (10, 1, 1)),
    ]
    inputs = {operator.name: operator.inputs for operator in graph}
    assert inputs["stage1.0.se_scale"] == ("stage1.0.depthwise", "stage1.0.se_expand")
    assert inputs["stage1.1.add"] == ("stage1.1.project", "stage1.0.project")
    assert inputs["stage2.0.skip"] == ("stage1.1.add",)
    assert inputs["stage2.0.add"] == ("stage2.0.project", "stage2.0.skip")


def test_the_operators_of_blocks_of_ordinary_convolutions(make):
    fused = {
        "block": "fused",
        "expansion": 4,
        "stride": 2,
        "se_ratio": 0.25,
        "kernel": 5,
        "skip": True,
        "layers": 2,
    }
    conv = {
        "block": "conv",
        "expansion": 4,
        "se_ratio": 0.25,
        "channels": 24,
        "skip": True,
        "layers": 2,
    }
    graph = operators(make(fused, conv, stem=STEM), 10)
    assert [(operator.name, operator.kind, operator.out_shape) for operator in graph[1:-2]] == [
        ("stage1.0.expand", "conv", (32, 8, 8)),
        ("stage1.0.se_mean", "mean", (32, 1, 1)),
        ("stage1.0.se_reduce", "conv", (8, 1, 1)),
        ("stage1.0.se_expand", "conv", (32, 1, 1)),
        ("stage1.0.se_scale", "mul", (32, 8, 8)),
        ("stage1.0.project", "conv", (16, 8, 8)),
        ("stage1.1.expand", "conv", (64, 8, 8)),
        ("stage1.1.se_mean", "mean", (64, 1, 1)),
        ("stage1.1.se_reduce", "conv", (16, 1, 1)),
        ("stage1.1.se_expand", "conv", (64, 1, 1)),
        ("stage1.1.se_scale", "mul", (64, 8, 8)),
        ("stage1.1.project", "conv", (16, 8, 8)),
        ("stage1.1.add", "add", (16, 8, 8)),
        # no sum where a block of one convolution changes the channels, no projection for it, and no
        # gate
        ("stage2.0.conv", "conv", (24, 8, 8)),
        ("stage2.1.conv", "conv", (24, 8, 8)),
        ("stage2.1.add", "add", (24, 8, 8)),
    ]
    found = {operator.name: operator for operator in graph}
    assert (
        found["stage1.0.expand"].kernel,
        found["stage1.0.expand"].stride,
        found["stage1.0.project"].kernel,
    ) == (5, 2, 1)
    assert (found["stage2.1.conv"].kernel, found["stage2.1.conv"].activation) == (3, "relu6")
    assert found["stage1.0.project"].activation == "none"
    assert found["stage2.1.add"].inputs == ("stage2.1.conv", "stage2.0.conv")


def test_the_two_paddings_differ_at_stride_2(make):
    paddings = {
        padding: operators(make({"stride": 2}, padding=padding), 10)[0].padding
        for padding in ("same", "torch")
    }
    assert paddings == {"same": (0, 1), "torch": (1, 1)}


MBCONV = {"block": "mbconv", "expansion": 4}
CONV, FUSED = {"block": "conv"}, {"block": "fused", "expansion": 4}
EQUAL = {
    "a depthwise stage has no expansion": (({"expansion": 1},), ({"expansion": 6},)),
    "an mbconv that expands by 1 is depthwise": (({"block": "mbconv", "expansion": 1},), ({},)),
    "a stage of two layers is two stages": (({"layers": 2},), ({}, {})),
    "a skip acts at stride 1 only": (
        ({"stride": 2, "skip": True},),
        ({"stride": 2, "skip": False},),
    ),
    "a conv stage has no expansion": ((CONV,), ({**CONV, "expansion": 6},)),
    "a conv stage has no SE": ((CONV,), ({**CONV, "se_ratio": 0.5},)),
    "a conv that changes the channels has no skip": ((CONV,), ({**CONV, "skip": True},)),
    "SE of as many channels": (
        ({"se_ratio": 0.25},),
        ({"se_ratio": 0.3},),
    ),  # of 3 channels: max(1, int(0.75)) = max(1, int(0.9)) = 1
}
DIFFERENT = {
    "block": (({},), (MBCONV,)),
    "kernel": (({},), ({"kernel": 5},)),
    "channels": (({},), ({"channels": 24},)),
    "stride": (({},), ({"stride": 2},)),
    "activation": (({},), ({"activation": "swish"},)),
    "skip": (({},), ({"skip": True},)),
    "SE": (({},), ({"se_ratio": 0.5},)),
    "expansion of mbconv": ((MBCONV,), ({**MBCONV, "expansion": 6},)),
    "conv": (({},), (CONV,)),
    "fused": ((MBCONV,), (FUSED,)),
    "expansion of fused": ((FUSED,), ({**FUSED, "expansion": 6},)),
    "SE of fused": ((FUSED,), ({**FUSED, "se_ratio": 0.5},)),
    "skip of a conv that keeps the channels": ((CONV, CONV), (CONV, {**CONV, "skip": True})),
    "layers": (({},), ({"layers": 2},)),
    "order": (({"kernel": 3}, {"kernel": 5}), ({"kernel": 5}, {"kernel": 3})),
}


@pytest.mark.parametrize("why", EQUAL)
def test_equal_networks_have_equal_ids(make, why):
    first, second = (make(*stages) for stages in EQUAL[why])
    assert first != second and architecture_id(first) == architecture_id(second)


@pytest.mark.parametrize("what", DIFFERENT)
def test_different_networks_have_different_ids(make, what):
    first, second = (make(*stages) for stages in DIFFERENT[what])
    assert architecture_id(first) != architecture_id(second)


def test_the_rest_of_the_network_is_part_of_the_id(make):
    head = {"channels": 96, "activation": "swish"}
    networks = [
        make(),
        make(resolution=64),
        make(stem=STEM),
        make(head=head),
        make(stem={**STEM, "channels": 16}),
    ]
    assert len({architecture_id(network) for network in networks}) == len(networks)


def test_padding_is_part_of_the_id_only_where_it_differs(make):
    ids = [
        {
            architecture_id(make({"stride": stride}, padding=padding))
            for padding in ("same", "torch")
        }
        for stride in (1, 2)
    ]
    assert [len(found) for found in ids] == [1, 2]


def test_an_id_is_the_same_in_every_process_and_release(make):
    """Histories hold ids; a change of this value would make old runs' duplicates unknown."""
    assert architecture_id(make()) == "52ef366b7d45"
