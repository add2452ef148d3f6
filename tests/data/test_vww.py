"""Visual Wake Words and Wake Vision, in small."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from lmanet.data.vww import VisualWakeWords
from lmanet.errors import ConfigError, DataError


def pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{folder.name}_{number}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        Image.new("RGB", (30, 20), (20 * number, 40, 90)).save(folder / name)
    return names


def coco(root: Path) -> Path:
    """As pyvww's script leaves it: every second picture has a person, some have two boxes."""
    (root / "annotations").mkdir(parents=True)
    for part in ("train", "val"):
        names = pictures(root / f"{part}2014", 10)
        content = {
            "images": [{"id": 7 + n, "file_name": name} for n, name in enumerate(names)],
            "annotations": [{"image_id": 7 + n, "category_id": n % 2} for n in (*range(10), 1, 1)],
        }
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(content))
    return root


def wake_vision(root: Path) -> Path:
    for part in ("train_quality", "test"):
        names = pictures(root / part, 10)
        rows = [f"{name},{n % 2},x" for n, name in enumerate(names)]
        (root / f"wake_vision_{part}.csv").write_text("\n".join(["filename,person,age", *rows]))
    return root


@pytest.mark.parametrize("make", [coco, wake_vision])
def test_pictures_with_a_person_are_told_from_those_without(tmp_path: Path, make) -> None:
    data = VisualWakeWords(str(make(tmp_path)), 16)
    data.setup("fit")
    data.setup("test")
    assert data.test_images.labels.tolist() == [0, 1] * 5
    assert data.train_images[0][0].shape == (3, 16, 16) == data.shape
    labels = torch.cat((data.train_images.labels, data.val_images.labels))
    assert labels.bincount().tolist() == [5, 5]


def test_a_grey_camera_reads_one_channel(tmp_path: Path) -> None:
    data = VisualWakeWords(str(coco(tmp_path)), 16, channels=1)
    data.setup("fit")
    assert data.train_images[0][0].shape == (1, 16, 16) and len(data.mean) == 1


@pytest.mark.parametrize("given", [None, "empty"])
def test_missing_data_are_one_sentence_that_says_what_to_do(tmp_path: Path, given) -> None:
    with pytest.raises((ConfigError, DataError), match="make it by the data set's own script"):
        VisualWakeWords(str(tmp_path) if given else None)


def test_pictures_that_were_not_unpacked_are_counted(tmp_path: Path) -> None:
    root = coco(tmp_path)
    (root / "train2014" / "train2014_3.jpg").unlink()
    with pytest.raises(DataError, match=r"names 1 pictures that are not below.*train2014_3\.jpg"):
        VisualWakeWords(str(root)).read_train()


def test_a_table_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    table = wake_vision(tmp_path) / "wake_vision_test.csv"
    table.write_text("\ufeff" + table.read_text(), encoding="utf-8")
    assert VisualWakeWords(str(tmp_path), 16).read_test().labels.tolist() == [0, 1] * 5


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"images": [1], "annotations": []}'])
def test_a_broken_annotation_file_is_named(tmp_path: Path, content: str) -> None:
    (coco(tmp_path) / "annotations" / "instances_train.json").write_text(content)
    with pytest.raises(DataError, match=r"instances_train\.json is no annotation file"):
        VisualWakeWords(str(tmp_path)).read_train()
