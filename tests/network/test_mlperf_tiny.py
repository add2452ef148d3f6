"""The reference networks of MLPerf Tiny have the published sizes."""

import pytest

from lmanet.cost.estimate import macs, params
from lmanet.errors import ConfigError
from lmanet.network.mlperf_tiny import REFERENCES, reference

# Multiply-accumulates and parameters as published with version 1.1.
PUBLISHED = {
    "resnet8": (12_501_632, 77_706),
    "mobilenet_v1": (7_489_664, 210_850),
    "ds_cnn": (2_656_768, 22_604),
    "autoencoder": (264_192, 265_864),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_macs_and_parameters_are_the_published_ones(name):
    graph = reference(name)
    assert (sum(map(macs, graph)), sum(map(params, graph))) == PUBLISHED[name]


def test_shapes_follow_the_reference():
    assert reference("ds_cnn")[0].out_shape == (64, 25, 5)
    assert reference("mobilenet_v1")[-2].in_shape == (256, 3, 3)
    assert reference("resnet8")[-2].in_shape == (64, 8, 8)


def test_another_name_is_refused_with_the_legal_ones():
    with pytest.raises(ConfigError, match=r"'resnet9' is no reference .* resnet8, mobilenet_v1"):
        reference("resnet9")
