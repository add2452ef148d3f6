"""What every option of conf/data must do; it is found by its YAML file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.errors import DataError, LmanetError

CONF = Path(__file__).parents[2] / "conf"
CPU = torch.device("cpu")
OPTIONS = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))


def _cifar(classes: int) -> Callable[[Path], list[str]]:
    """Settings with which CIFAR is read from a small archive, and not downloaded."""

    def make(folder: Path) -> list[str]:
        import numpy as np

        arrays = {}
        for part, count in (("train", 10), ("test", 2)):
            labels = np.repeat(np.arange(classes, dtype=np.uint8), count)
            rng = np.random.default_rng(count)
            arrays[f"x_{part}"] = rng.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8)
            arrays[f"y_{part}"] = labels
        np.savez(folder / "small.npz", **arrays)
        return [f"data.archive={folder / 'small.npz'}"]

    return make


def _folder(folder: Path) -> list[str]:
    from PIL import Image

    for place, name in enumerate(("cat", "dog")):
        (folder / "train" / name).mkdir(parents=True)
        for number in range(20):
            colour = (100 * place + number, 5 * number, 40)
            Image.new("RGB", (20, 16), colour).save(folder / "train" / name / f"{number}.png")
    return [f"data.root={folder}", "data.resolution=16"]


def _sounds(folder: Path) -> list[str]:
    sys.path.insert(0, str(Path(__file__).parent))
    from sounds import sound_folder

    return [f"data.root={sound_folder(folder / 'sounds')}"]


def _signals(folder: Path) -> list[str]:
    import numpy as np

    for place, name in enumerate(("still", "walk")):
        (folder / name).mkdir()
        for number in range(8):
            wave = place * np.sin(np.arange(150) / (2 + number / 8))
            np.save(folder / name / f"{number}.npy", np.stack((wave, wave[::-1], wave / 2)))
    return [f"data.root={folder}"]


def _series(name: str, moments: int) -> Callable[[Path], list[str]]:
    """Settings with which small .ts files are read in place of the package's."""

    def make(folder: Path) -> list[str]:
        for part in ("TRAIN", "TEST"):
            rows = [
                ":".join(",".join(str((n + k * c) % 7) for k in range(moments)) for c in range(3))
                + f":{'xy'[n % 2]}"
                for n in range(16)
            ]
            (folder / f"{name}_{part}.ts").write_text("@data\n" + "\n".join(rows))
        return [f"data.root={folder}"]

    return make


def _wake_words(folder: Path) -> list[str]:
    from PIL import Image

    for part, count in (("train_quality", 40), ("test", 4)):
        rows = [f"{part}{number}.png,{number % 2}" for number in range(count)]
        for number, row in enumerate(rows):
            Image.new("RGB", (20, 16), (5 * number, 9, 40)).save(folder / row.split(",")[0])
        table = folder / f"wake_vision_{part}.csv"
        table.write_text("\n".join(["filename,person", *rows]))
    return [f"data.root={folder}", "data.resolution=16"]


# How an option whose images are not installed gets small ones, as settings.
SMALL: dict[str, Callable[[Path], list[str]]] = {
    "cifar10": _cifar(10),
    "cifar100": _cifar(100),
    "audio_folder": _sounds,
    "image_folder": _folder,
    "basic_motions": _series("BasicMotions", 100),
    "japanese_vowels": _series("JapaneseVowels", 20),
    "photos": _folder,
    "signal_folder": _signals,
    "vww": _wake_words,
}


def _config(option: str, *settings: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(overrides=[f"+data={option}", *settings]).data


# Tables of trainings have no images.
TABLES = [option for option in OPTIONS if _config(option)._target_ == "lmanet.data.NoImages"]


@pytest.fixture(scope="module", params=OPTIONS)
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Any]:
    return _maker(request.param, tmp_path_factory)


@pytest.fixture(scope="module", params=sorted(set(OPTIONS) - set(TABLES)))
def make_images(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Any]:
    """As `make`, of the options with images."""
    return _maker(request.param, tmp_path_factory)


def _maker(option: str, folders: pytest.TempPathFactory) -> Callable[[], Any]:
    settings = SMALL[option](folders.mktemp(option)) if option in SMALL else []
    config = _config(option, *settings)
    return lambda: instantiate(config)


@pytest.fixture(scope="module")
def images(make_images: Callable[[], Any]) -> Any:
    data = make_images()
    data.setup("fit")
    return data


def test_says_what_its_images_are(make: Callable[[], Any]) -> None:
    data = make()
    assert data.name and data.description and data.num_classes >= 2


def test_the_checksum_is_the_same_for_the_same_images(make: Callable[[], Any]) -> None:
    assert make().checksum() == make().checksum()


def test_each_class_has_a_name_and_both_parts_have_it(images: Any) -> None:
    assert len(set(images.classes)) == len(images.classes) == images.num_classes
    channels = images.train_images[0][0].shape[0]
    assert len(images.mean) == len(images.std) == channels
    for part in (images.train_images, images.val_images):
        assert set(part.labels.tolist()) == set(range(images.num_classes))


def test_training_batches_follow_from_seed_and_epoch(
    images: Any, make_images: Callable[[], Any]
) -> None:
    again = make_images()
    again.setup("fit")
    first, second = (data.train_dataloader(8, 3, CPU) for data in (images, again))
    for loader in (first, second):
        loader.set_epoch(2)
    batch, same = next(iter(first)), next(iter(second))
    assert batch.images.dtype == torch.uint8 and batch.images.shape == (
        8,
        *images.train_images[0][0].shape,
    )
    assert batch.targets.shape == (8, images.num_classes)
    assert torch.equal(batch.images, same.images) and torch.equal(batch.indices, same.indices)


def test_validation_images_come_in_a_fixed_order(images: Any) -> None:
    labels = [torch.cat([y for _, y in images.val_dataloader(8, CPU)]) for _ in range(2)]
    assert torch.equal(*labels) and len(labels[0]) == len(images.val_images)


def test_test_images_are_closed_until_they_are_asked_for(make_images: Callable[[], Any]) -> None:
    data = make_images()
    data.setup("fit")
    with pytest.raises(LmanetError, match="test"):
        _ = data.test_images
    data.setup("test")
    assert sum(len(labels) for _, labels in data.test_dataloader(8, CPU)) == len(data.test_images)


@pytest.mark.parametrize("option", TABLES)
def test_a_table_hands_out_no_images(option: str) -> None:
    with pytest.raises(DataError, match="without images"):
        instantiate(_config(option)).val_dataloader(8, CPU)


def test_the_contract_finds_every_option() -> None:
    assert {"mnist5k", "cifar100", "image_folder", "lmanet_mini"} <= set(OPTIONS)
    assert set(SMALL) <= set(OPTIONS)
