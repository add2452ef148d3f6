"""Networks that read other shapes than a square of red, green and blue."""

import pytest
import torch

from lmanet.cost import estimate
from lmanet.network import parse_architecture
from lmanet.network.build import build
from lmanet.network.graph import operators
from lmanet.network.operators import Side
from lmanet.space import architecture_id


def by_name(architecture):
    return {operator.name: operator for operator in operators(architecture, 10)}


@pytest.mark.parametrize("padding", ["same", "torch"])
def test_a_window_is_one_wide_along_a_side_of_one_pixel(make, padding):
    row = by_name(make({"kernel": 5, "stride": 2}, resolution=1, width=100, padding=padding))
    column = by_name(make({"kernel": 5, "stride": 2}, resolution=100, width=1, padding=padding))
    moving = Side(5, 2, (1, 2) if padding == "same" else (2, 2))
    assert row["stage1.0.depthwise"].sides == (Side(), moving)
    assert column["stage1.0.depthwise"].sides == (moving, Side())
    assert row["stage1.0.depthwise"].out_shape[1:] == (1, 50)
    assert row["stage1.0.depthwise"].filter_shape[2:] == (1, 5)


def test_padding_follows_each_side():
    stage = {"block": "conv", "channels": 8, "kernel": 3, "stride": 2, "expansion": 1}
    stage |= {"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1}
    architecture = {"resolution": 49, "width": 10, "input_channels": 1, "stages": [stage]}
    conv = by_name(parse_architecture(architecture))["stage1.0.conv"]
    # 25 outputs: 24 x 2 + 3 - 49 = 2; 5 outputs: 4 x 2 + 3 - 10 = 1
    assert [side.padding for side in conv.sides] == [(1, 1), (0, 1)]
    assert (conv.in_shape, conv.out_shape) == ((1, 49, 10), (8, 25, 5))


def test_a_square_of_colour_is_written_as_ever(make):
    square = make({}, resolution=32)
    assert not {"input_channels", "width"} & set(square.model_dump())
    other = make({}, resolution=32, width=32)
    assert other == square and architecture_id(other) == architecture_id(square)
    grey = make({}, resolution=32, input_channels=1)
    assert grey.model_dump()["input_channels"] == 1
    assert parse_architecture(grey.model_dump(mode="json")) == grey
    assert architecture_id(grey) != architecture_id(square)


def test_networks_of_one_size_and_other_windows_have_ids_of_their_own(make):
    row, column = make({}, resolution=1, width=64), make({}, resolution=64, width=1)
    assert len({architecture_id(each) for each in (row, column, make({}, resolution=64))}) == 3


@pytest.mark.parametrize("shape", [(1, 49, 10), (6, 1, 100), (2, 30, 1), (3, 15, 20)], ids=str)
@pytest.mark.parametrize("padding", ["same", "torch"])
def test_a_network_computes_what_its_operators_say(make, shape, padding):
    channels, height, width = shape
    changes = {"input_channels": channels, "resolution": height, "width": width}
    stages = {"kernel": 5, "stride": 2, "block": "fused"}, {"kernel": 3, "stride": 2}
    architecture = make(*stages, padding=padding, **changes)
    network, images = build(architecture, 7).eval(), torch.zeros(2, *shape)
    for block in network:
        images = block(images)
        assert tuple(images.shape[1:]) in (block.graph[-1].out_shape, (7,))
    params = sum(weights.numel() for weights in network.parameters())
    assert params == estimate(architecture, 7).params


def test_what_is_read_is_said_in_words(make):
    assert make({}, resolution=32).reads == "RGB images of 32 x 32 pixels"
    grey = make({}, resolution=30, width=40, input_channels=1)
    assert grey.reads == "grey images of 30 x 40 pixels"
    signal = make({}, resolution=1, width=100, input_channels=6)
    assert signal.reads == "inputs of 6 x 1 x 100 values"
