"""Weights: saved, loaded, and read from what the paper's authors published."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.network.build import build
from lmanet.network.weights import Checkpoint, load_network, load_published_weights, save_network

CLASSES = ("cat", "dog", "frog")
PUBLISHED = {
    "lmanet_core": "LMaNet-Core",
    "lmanet_elite": "LMaNet_elite",
    "qwnet_core": "QwNet-Core",
}


@pytest.fixture
def checkpoint(make) -> Checkpoint:
    network = build(make({"skip": True, "se_ratio": 0.5}), len(CLASSES))
    network(torch.randn(4, 3, 32, 32))  # moves the running mean and variance of batch norm
    return Checkpoint(network.eval(), CLASSES, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))


def test_a_checkpoint_round_trips(tmp_path, checkpoint):
    path = tmp_path / "student.ckpt"
    save_network(path, checkpoint)
    loaded = load_network(path)
    assert loaded.network.architecture == checkpoint.network.architecture
    assert (loaded.classes, loaded.mean, loaded.std) == (
        checkpoint.classes,
        checkpoint.mean,
        checkpoint.std,
    )
    assert not loaded.network.training
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded.network(images), checkpoint.network(images))
    assert [file.name for file in tmp_path.iterdir()] == ["student.ckpt"]


def test_saving_replaces_what_was_there(tmp_path, checkpoint, make):
    path = tmp_path / "student.ckpt"
    save_network(path, checkpoint)
    other = build(make({"kernel": 5}), len(CLASSES))
    save_network(path, Checkpoint(other, CLASSES, checkpoint.mean, checkpoint.std))
    assert load_network(path).network.architecture == other.architecture


def test_an_image_of_another_size_or_a_missing_file_is_said(tmp_path):
    with pytest.raises(
        ConfigError, match=r"no checkpoint at .*none\.ckpt; name a file that is there"
    ):
        load_network(tmp_path / "none.ckpt")


def test_what_is_no_checkpoint_is_refused(tmp_path, checkpoint):
    path = tmp_path / "a.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ConfigError, match="cannot be read as a checkpoint"):
        load_network(path)
    torch.save([1, 2], path)
    with pytest.raises(ConfigError, match="holds a list, not a dictionary of weights"):
        load_network(path)
    torch.save(checkpoint.network.state_dict(), path)
    with pytest.raises(ConfigError, match="is not a checkpoint of lmanet: 'architecture'"):
        load_network(path)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["one"]},
        {"state_dict": {}},
        {"architecture": {"stages": []}},
        {"mean": None},
    ],
)
def test_a_checkpoint_whose_parts_do_not_fit_is_refused(tmp_path, checkpoint, change):
    path = tmp_path / "a.ckpt"
    save_network(path, checkpoint)
    torch.save(torch.load(path, weights_only=True) | change, path)
    with pytest.raises(ConfigError, match="is not a checkpoint of lmanet"):
        load_network(path)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    path = tmp_path / "a.ckpt"
    # any object that is no tensor, number, text, list or dictionary
    torch.save({"architecture": Path("/")}, path)
    with pytest.raises(ConfigError, match="cannot be read as a checkpoint"):
        load_network(path)


@pytest.mark.parametrize("prefix", ["", "vit_"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_fill_the_shipped_architecture(lmanet_data, name, prefix):
    path = lmanet_data / "reference" / "lmanet" / f"{prefix}{PUBLISHED[name]}.pth"
    network = load_published_weights(path, load_architecture(name))
    assert network.num_classes == 100 and not network.training
    published = torch.load(path, weights_only=True, map_location="cpu")
    assert all(
        torch.equal(own, theirs)
        for own, theirs in zip(network.state_dict().values(), published.values(), strict=True)
    )


def test_published_weights_of_another_network_are_refused(lmanet_data):
    path = lmanet_data / "reference" / "lmanet" / "LMaNet-Core.pth"
    with pytest.raises(
        ConfigError,
        match=(
            "does not hold the weights of this architecture; pass arch= and checkpoint= of one "
            "network"
        ),
    ):
        load_published_weights(path, load_architecture("lmanet_elite"))


def test_a_checkpoint_of_ours_is_no_published_one(tmp_path, checkpoint):
    path = tmp_path / "a.ckpt"
    save_network(path, checkpoint)
    with pytest.raises(ConfigError, match="does not hold the weights"):
        load_published_weights(path, checkpoint.network.architecture)


class Planted:
    """What a file could run if it were believed."""


@pytest.mark.parametrize(
    "how", ["pickled in a checkpoint", "a bare pickle", "TorchScript", "empty", "cut off"]
)
def test_the_advice_to_believe_a_file_is_never_passed_on(tmp_path, checkpoint, make, how):
    path = tmp_path / "a.ckpt"
    if how == "pickled in a checkpoint":
        torch.save({"state_dict": Planted()}, path)
    elif how == "a bare pickle":
        path.write_bytes(pickle.dumps({"state_dict": [1]}))
    elif how == "TorchScript":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/constants.pkl", b"")
            archive.writestr("a/data.pkl", b"")
            archive.writestr("a/version", b"3")
    elif how == "cut off":
        save_network(path, checkpoint)
        path.write_bytes(path.read_bytes()[:500])
    else:
        path.write_bytes(b"")
    for read in (
        load_network,
        lambda each: load_published_weights(each, checkpoint.network.architecture),
    ):
        with pytest.raises(
            ConfigError,
            match=r"a.ckpt cannot be read as a checkpoint: .*; pass another with checkpoint=",
        ) as caught:
            read(path)
        assert "weights_only" not in str(caught.value) and "torch.load" not in str(caught.value)
