"""A network in one small file: half precision, or int8 with a scale for each output channel."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lmanet.errors import ConfigError
from lmanet.network.build import build
from lmanet.network.weights import Checkpoint, load_network, save_network


@pytest.fixture
def checkpoint(make) -> Checkpoint:
    torch.manual_seed(0)
    architecture = make({"block": "mbconv", "channels": 24, "expansion": 3, "se_ratio": 0.25})
    network = build(architecture, num_classes=7).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_()
    classes = tuple(f"class {number}" for number in range(7))
    return Checkpoint(network, classes, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def test_int8_weights_are_within_half_a_step_and_vectors_exact(checkpoint, tmp_path):
    save_network(tmp_path / "small.safetensors", checkpoint, "int8")
    found = load_network(tmp_path / "small.safetensors")
    assert found.classes == checkpoint.classes and found.mean == checkpoint.mean
    read, given = found.network.state_dict(), checkpoint.network.state_dict()
    assert read.keys() == given.keys()
    for name, tensor in given.items():
        if tensor.ndim < 2:
            assert torch.equal(read[name], tensor), name
            continue
        step = tensor.flatten(1).abs().amax(1) / 127
        off = (read[name] - tensor).flatten(1).abs().amax(1)
        assert (off <= step / 2 * 1.001).all() and off.max() > 0, name


def test_int8_is_a_byte_a_weight_and_says_nearly_the_same(checkpoint, tmp_path):
    save_network(tmp_path / "int8.safetensors", checkpoint, "int8")
    stored = load_file(tmp_path / "int8.safetensors")
    weights = [each for each in stored.values() if each.ndim > 1]
    assert weights and {each.dtype for each in weights} == {torch.int8}
    images = torch.randn(16, 3, 32, 32)
    with torch.inference_mode():
        before = checkpoint.network(images)
        after = load_network(tmp_path / "int8.safetensors").network(images)
    assert (before - after).abs().max() < 0.05 * before.abs().max()


def test_a_channel_without_weights_stays_one(checkpoint, tmp_path):
    weight = next(each for each in checkpoint.network.parameters() if each.ndim > 1)
    with torch.no_grad():
        weight[0] = 0
    save_network(tmp_path / "zero.safetensors", checkpoint, "int8")
    read = next(
        each
        for each in load_network(tmp_path / "zero.safetensors").network.parameters()
        if each.ndim > 1
    )
    assert (read[0] == 0).all() and read.isfinite().all()


@pytest.mark.parametrize("wrong", ["gone", "short"])
def test_int8_weights_without_their_scales_are_refused(checkpoint, tmp_path, wrong):
    save_network(tmp_path / "small.safetensors", checkpoint, "int8")
    stored = load_file(tmp_path / "small.safetensors")
    name = next(each for each in stored if each.endswith(".int8_scale"))
    stored = {**stored, name: stored[name][:1].clone()} if wrong == "short" else stored
    with safe_open(tmp_path / "small.safetensors", "pt") as file:
        header = file.metadata()
    if wrong == "gone":
        del stored[name]
    save_file(stored, tmp_path / "broken.safetensors", header)
    with pytest.raises(ConfigError, match="without a scale for each of their rows"):
        load_network(tmp_path / "broken.safetensors")


def test_another_form_of_weights_is_refused(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="a file holds float16, int8"):
        save_network(tmp_path / "small.safetensors", checkpoint, "int4")
