"""Pictures without labels among the training images of a distillation."""

import shutil
from pathlib import Path

import pytest
import torch

from lmanet.data import Photos
from lmanet.data.loader import targets_of
from lmanet.errors import ConfigError, DataError

CPU = torch.device("cpu")


@pytest.fixture
def more(folder: Path, tmp_path: Path) -> Path:
    """Four of the pictures, in folders of any depth."""
    where = tmp_path / "more"
    (where / "deep").mkdir(parents=True)
    for number in range(4):
        source = folder / "train" / "0" / f"{number:02}.png"
        shutil.move(source, where / ("deep" if number % 2 else ".") / f"{number}.png")
    return where


def test_they_stand_behind_the_training_images_and_have_no_target(folder: Path, more: Path) -> None:
    data = Photos(str(folder), 16, unlabelled=str(more))
    taught = data.taught()
    taught.setup("fit")
    count = len(data.train_images)
    assert len(taught.train_images) == count + 4
    assert torch.equal(taught.val_images.labels, data.val_images.labels)
    for batch in taught.train_dataloader(count + 4, 0, CPU):
        assert torch.equal(batch.targets.sum(1), (batch.indices < count).float())
    assert taught.class_counts == data.class_counts


def test_without_such_a_folder_the_data_are_the_same(folder: Path) -> None:
    data = Photos(str(folder), 16)
    assert data.taught() is data


def test_a_folder_that_is_missing_or_empty_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.unlabelled=.*nowhere: there is no such folder"):
        Photos(str(folder), 16, unlabelled=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no picture"):
        Photos(str(folder), 16, unlabelled=str(tmp_path / "empty")).require_part("fit")


def test_a_validation_image_among_them_is_said(folder: Path, more: Path) -> None:
    data = Photos(str(folder), 16, unlabelled=str(more))
    val = data.given("val")
    shutil.copy(val.paths[0], more / "copy.png")
    data.setup("fit")
    (notice,) = [each for each in data.notices if each.kind == "unlabelled_copies"]
    assert notice.text.startswith("1 val images are also in")


def test_labels_are_one_hot_as_before() -> None:
    targets = targets_of(torch.tensor([1, -1, 0]), 2)
    assert targets.tolist() == [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
