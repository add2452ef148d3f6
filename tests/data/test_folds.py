"""Several divisions of the same images."""

import pickle
from pathlib import Path

import pytest
import torch

from lmanet.data import ImageFolder, Split
from lmanet.errors import ConfigError, DataError


def test_each_image_validates_once_and_trains_otherwise(folder: Path) -> None:
    data = ImageFolder(str(folder), 16)
    seen: list[bytes] = []
    for number in range(4):
        fold = data.fold(number, 4)
        fold.setup("fit")
        val, train = (fold.val_images.digests(), fold.train_images.digests())
        assert not set(val) & set(train)
        assert min(torch.bincount(fold.val_images.labels).tolist()) >= 4
        seen += val
    data.setup("fit")
    assert sorted(seen) == sorted([*data.train_images.digests(), *data.val_images.digests()])
    assert (fold.mean, fold.std) == (data.mean, data.std)


def test_no_test_image_is_in_a_fold(folder: Path) -> None:
    data = ImageFolder(str(folder), 16)
    data.setup("test")
    fold = data.fold(0, 3)
    fold.setup("fit")
    known = {*fold.train_images.digests(), *fold.val_images.digests()}
    assert not known & set(data.test_images.digests())


def test_a_worker_divides_the_same(folder: Path) -> None:
    data = ImageFolder(str(folder), 16, split=Split(seed=3))
    folds = data.fold(1, 3), pickle.loads(pickle.dumps(data)).fold(1, 3)
    for fold in folds:
        fold.setup("fit")
    assert folds[0].val_images.digests() == folds[1].val_images.digests()


def test_a_class_with_too_few_images_is_named(folder: Path) -> None:
    data = ImageFolder(str(folder), 16)
    with pytest.raises(DataError, match=r"the class 0 has 17 images .* one for each of 18 folds"):
        data.fold(0, 18).setup("fit")


def test_a_folder_val_divides_already(folder: Path) -> None:
    (folder / "val").mkdir()
    for name in "012":
        (folder / "train" / name / "00.png").rename(folder / "val" / f"{name}.png")
        (folder / "val" / name).mkdir()
        (folder / "val" / f"{name}.png").rename(folder / "val" / name / "0.png")
    with pytest.raises(ConfigError, match=r"folds=3: .* has a folder val"):
        ImageFolder(str(folder), 16).fold(0, 3)
