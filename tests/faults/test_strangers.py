"""Files of a stranger: none runs, none takes memory that it does not fill, none leads elsewhere."""

import io
import json
import pickle
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lmanet.data import Cifar10, Mnist5k, Split
from lmanet.distill import NetworkSource, PublishedSource, TeacherSource
from lmanet.errors import LmanetError
from lmanet.network import load_architecture, parse_architecture
from lmanet.network.build import build
from lmanet.network.weights import (
    Checkpoint,
    load_network,
    load_published_weights,
    save_network,
)
from lmanet.run.folder import RunFolder
from lmanet.run.results import Deployed, TrainedNetwork
from lmanet.train import Recipe, Trainer, WarmupCosine
from lmanet.train.lookup.nasbench import _PlainValues
from lmanet.train.trainer import LAST
from lmanet.train.watch import taken_up

STAGE = {
    "block": "depthwise",
    "channels": 8,
    "kernel": 3,
    "stride": 2,
    "expansion": 1,
    "se_ratio": 0,
}
SMALL = parse_architecture(
    {"resolution": 16, "stages": [STAGE | {"skip": False, "activation": "relu6", "layers": 1}]}
)


class Planted:
    """Makes a file as soon as its pickle is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.mark), "w")


def bare(path: Path, content: Any) -> None:
    path.write_bytes(pickle.dumps(content))


READERS: dict[str, Callable[[Path], object]] = {
    "a checkpoint": load_network,
    "published weights": lambda path: load_published_weights(path, load_architecture("qwnet_core")),
    "a teacher of ours": lambda path: NetworkSource(str(path)).build(Mnist5k(Split())),
    "a published teacher": lambda path: PublishedSource(str(path), "qwnet_core").build(
        Mnist5k(Split())
    ),
    "a teacher of timm's": lambda path: TeacherSource("test_resnet", str(path)).build(
        Mnist5k(Split())
    ),
    "an archive of images": lambda path: Cifar10(archive=str(path)).setup("fit"),
}


@pytest.mark.parametrize("write", [bare, lambda path, content: torch.save(content, path)])
@pytest.mark.parametrize("place", READERS)
def test_a_planted_pickle_is_refused(place: str, write: Callable[..., None], tmp_path: Path):
    mark, path = tmp_path / "ran", tmp_path / "planted.pth"
    for content in (
        Planted(mark),
        {"state_dict": {"a": Planted(mark)}, "classes": [Planted(mark)]},
    ):
        write(path, content)
        with pytest.raises(LmanetError, match="planted"):
            READERS[place](path)
        assert not mark.exists()


def test_a_planted_pickle_among_arrays_is_refused(tmp_path: Path):
    mark, path = tmp_path / "ran", tmp_path / "planted.npz"
    np.savez(path, x_train=np.array([Planted(mark)], object), y_train=np.zeros(1, np.int64))
    with pytest.raises(LmanetError, match="planted"):
        Cifar10(archive=str(path)).setup("fit")
    assert not mark.exists()


def test_a_table_of_trainings_holds_plain_values(tmp_path: Path):
    mark = tmp_path / "ran"
    with pytest.raises(pickle.UnpicklingError, match="is no plain value"):
        _PlainValues(io.BytesIO(pickle.dumps({"a": Planted(mark)}))).load()
    assert _PlainValues(io.BytesIO(pickle.dumps({"a": [1.5]}))).load() == {"a": [1.5]}
    assert not mark.exists()


@pytest.mark.slow  # trains
@pytest.mark.filterwarnings("ignore:The `srun` command")
def test_a_planted_pickle_in_place_of_a_training_that_paused_does_not_run(tmp_path: Path):
    mark = tmp_path / "ran"
    torch.save({"state_dict": Planted(mark)}, tmp_path / LAST)
    data = Mnist5k(Split(max_train_images=64))
    data.setup("fit")
    optimizer = partial(torch.optim.SGD, lr=0.01)
    recipe = Recipe(1, 32, optimizer, WarmupCosine(0.5), accelerator="cpu")
    with suppress(pickle.UnpicklingError):
        Trainer(data, recipe).fit(build(SMALL, 10), seed=0, folder=tmp_path)
    assert not mark.exists()


def saved(path: Path, **changes: Any) -> Path:
    """A sound checkpoint of ours with some of its content changed."""
    ones = (1.0, 1.0, 1.0)
    save_network(path, Checkpoint(build(SMALL, 10), tuple("abcdefghij"), ones, ones))
    content = torch.load(path, weights_only=True)
    torch.save(content | changes, path)
    return path


def test_a_checkpoint_takes_no_more_memory_than_it_fills(tmp_path: Path):
    assert load_network(saved(tmp_path / "sound.ckpt")).classes[0] == "a"
    stage = STAGE | {"block": "mbconv", "channels": 4096, "expansion": 16, "layers": 64}
    large = {"resolution": 16, "stages": [stage | {"skip": False, "activation": "relu6"}]}
    for changes in (
        {"architecture": large},  # 137 GB
        {"classes": ["a"] * 1_000_000},
    ):
        with pytest.raises(LmanetError, match="too few for the"):
            load_network(saved(tmp_path / "large.ckpt", **changes))


def test_published_weights_take_no_more_memory_than_they_fill(tmp_path: Path):
    one = torch.zeros(1).expand(2_000_000_000)
    torch.save({"classifier.bias": one}, tmp_path / "large.pth")
    with pytest.raises(LmanetError, match="does not hold the weights"):
        load_published_weights(tmp_path / "large.pth", SMALL)


def test_a_compressed_checkpoint_is_refused(tmp_path: Path):
    sound = saved(tmp_path / "sound.ckpt")
    with (
        zipfile.ZipFile(sound) as source,
        zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for part in source.namelist():
            bomb.writestr(part, source.read(part))
    with pytest.raises(LmanetError, match=r"bomb.ckpt is compressed"):
        load_network(tmp_path / "bomb.ckpt")


def test_a_compressed_checkpoint_of_a_training_is_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """300 KB here that unfold to 300 MB; as many GB would be as easy."""
    path = tmp_path / LAST
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open("data/0", "w") as part:
        for _ in range(300):
            part.write(bytes(2**20))
    start = time.process_time()
    assert taken_up(path) is None and not path.exists()
    assert time.process_time() - start < 0.05, "to unfold it takes some tenths of a second"
    assert f"{path} is damaged, so this training begins anew" in caplog.text


def test_an_array_that_asks_for_more_than_its_file_has_is_refused(tmp_path: Path):
    path = tmp_path / "large.npz"
    header = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (2_000_000, 32, 32, 3)}
    np.lib.format.write_array_header_1_0(header, described)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", header.getvalue())
        archive.writestr("y_train.npy", header.getvalue())
    with pytest.raises(LmanetError, match=r"would have 6,144,000,000 bytes"):
        Cifar10(archive=str(path)).setup("fit")


@pytest.mark.parametrize("name", ["checkpoint_path", "pretrained_cfg_overlay"])
def test_timm_reads_no_file_by_another_way(name: str):
    source = TeacherSource("test_resnet", timm_options={name: "x"})
    with pytest.raises(LmanetError, match=f"timm_options has {name}, by which timm reads files"):
        source.build(Mnist5k(Split()))


def test_settings_that_unfold_without_end_are_refused(tmp_path: Path):
    lines = ["- &a0 [x, x]", *(f"- &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64))]
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(LmanetError, match="refers to another, which no run writes"):
        RunFolder(tmp_path).config()


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "full/../../secret", "a\0b"])
def test_a_path_in_a_record_stays_in_its_run(path: str):
    with pytest.raises(ValidationError, match="stays in the run's folder"):
        TrainedNetwork.model_validate_json(json.dumps({"checkpoint": path}))
    with pytest.raises(ValidationError, match="stays in the run's folder"):
        Deployed.model_validate_json(json.dumps({"firmware": path}))
    with pytest.raises(ValidationError, match="String should match pattern"):
        TrainedNetwork.model_validate_json(json.dumps({"stage": path}))
