"""What a network takes over from a donor that knows other classes, and donors in small files."""

import pytest
import torch

from lmanet.errors import ConfigError
from lmanet.network import compact, load_architecture
from lmanet.network.build import Network, build
from lmanet.network.donor import start_from
from lmanet.network.weights import Checkpoint, load_network, save_network

COLOURS = (0.5, 0.4, 0.3), (0.2, 0.2, 0.1)
STAGES = {"channels": 16, "stride": 2}, {"channels": 32, "stride": 2, "skip": True}


def trained(architecture, classes: tuple[str, ...], seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    network = build(architecture, len(classes))
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    for _ in range(3):
        network.train()(images)
    return Checkpoint(network.eval(), classes, *COLOURS)


def linear(network: Network) -> torch.nn.Module:
    return network[-1].get_submodule("linear.linear")


def test_features_are_the_donors_and_the_classifier_is_fresh(make):
    donor = trained(make(*STAGES), ("cat", "dog", "cow"), 0)
    torch.manual_seed(5)
    network = build(make(*STAGES), 2)
    fresh = linear(network).weight.clone()
    share = start_from(network, donor, ("crack", "dent"))
    assert torch.equal(
        network.stage1_0.project.conv.weight, donor.network.stage1_0.project.conv.weight
    )
    assert torch.equal(linear(network).weight, fresh)
    own = sum(values.numel() for values in network.parameters())
    assert share == pytest.approx(1 - fresh.numel() / own - 2 / own)


def test_a_class_that_both_know_keeps_its_row_wherever_it_stands(make):
    donor = trained(make(*STAGES), ("cat", "dog", "cow"), 0)
    network = build(make(*STAGES), 2)
    fresh = linear(network).bias.clone()
    start_from(network, donor, ("crack", "dog"))
    assert torch.equal(linear(network).weight[1], linear(donor.network).weight[1])
    assert linear(network).bias[1] == linear(donor.network).bias[1]
    assert linear(network).bias[0] == fresh[0]


def test_the_same_classes_in_another_order_give_the_same_decisions(make):
    donor = trained(make(*STAGES), ("cat", "dog", "cow"), 0)
    network = build(make(*STAGES), 3)
    assert start_from(network, donor, ("cow", "cat", "dog")) == 1
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(network.eval()(images), donor.network(images)[:, [2, 0, 1]])


def test_grey_is_seen_as_the_donor_sees_it_in_colour(make):
    stem = {"channels": 16, "kernel": 3, "stride": 2, "activation": "relu6"}
    donor = trained(make(*STAGES, stem=stem), ("cat", "dog", "cow"), 0)
    network = build(make(*STAGES, stem=stem, input_channels=1), 3)
    start_from(network, donor, ("cat", "dog", "cow"))
    grey = torch.randn(4, 1, 32, 32)
    seen = donor.network(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(network.eval()(grey), seen, rtol=1e-4, atol=1e-5)


def test_a_small_file_gives_the_same_network_in_half_precision(tmp_path, make):
    donor = trained(make(*STAGES), ("cat", "dog", "cow"), 0)
    save_network(tmp_path / "small.safetensors", donor)
    save_network(tmp_path / "large.ckpt", donor)
    loaded = load_network(tmp_path / "small.safetensors")
    assert (loaded.classes, loaded.mean, loaded.std) == (donor.classes, *COLOURS)
    assert loaded.network.architecture == donor.network.architecture
    assert all(values.dtype is torch.float32 for values in loaded.network.parameters())
    images = torch.randn(16, 3, 32, 32)
    torch.testing.assert_close(loaded.network(images), donor.network(images), rtol=0.01, atol=0.01)
    weights = sum(values.numel() for values in donor.network.parameters() if values.ndim > 1)
    vectors = sum(values.numel() for values in donor.network.state_dict().values()) - weights
    assert (tmp_path / "small.safetensors").stat().st_size < 2 * weights + 4 * vectors + 16_000


def test_a_name_stands_for_a_network_that_is_shipped(tmp_path, make, monkeypatch):
    monkeypatch.setattr(compact, "SHIPPED", tmp_path)
    save_network(tmp_path / "tiny.safetensors", trained(make(*STAGES), ("cat", "dog"), 0))
    assert load_network("tiny").classes == ("cat", "dog")
    with pytest.raises(ConfigError, match=r"no network of that name is shipped \(there are: tiny"):
        load_network("huge")


def test_what_is_shipped_is_small_and_can_be_read():
    for name in compact.shipped_names():
        assert compact.shipped(name).stat().st_size <= 1_500_000
        shipped = load_network(name)
        assert shipped.classes
        assert shipped.network.architecture == load_architecture(name)  # arch=NAME


@pytest.mark.parametrize("content", [b"", b"12345678", b"\x02\0\0\0\0\0\0\0{}"], ids=len)
def test_a_file_that_is_no_network_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.safetensors (cannot be read|does not say)"):
        load_network(tmp_path / "x.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path, make):
    other = trained(make(*STAGES), ("cat", "dog"), 0)
    content = {
        "architecture": make({"channels": 24}).model_dump(mode="json"),
        "classes": ["cat", "dog"],
        "mean": [0.5] * 3,
        "std": [0.2] * 3,
        "state_dict": other.network.state_dict(),
    }
    compact.write_compact(tmp_path / "x.safetensors", content)
    with pytest.raises(ConfigError, match="is not a checkpoint of lmanet"):
        load_network(tmp_path / "x.safetensors")
