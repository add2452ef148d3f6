"""What is off about a data set, and no error, is said with its counts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmanet.data import Cifar10, ImageFolder, Mnist5k, Split
from lmanet.data.faults import Part, copy_notices
from lmanet.errors import DataError


def read(folder: Path, **settings: object) -> ImageFolder:
    data = ImageFolder(str(folder), 32, **settings)
    data.setup("fit")
    data.setup("test")
    return data


def save(path: Path, pixels: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)


def kinds(data: ImageFolder) -> dict[str, str]:
    return {notice.kind: notice.text for notice in data.notices}


def test_sixteen_bit_grey_pictures_are_not_clipped_to_white(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        for number in range(10):
            save(
                tmp_path / "train" / name / f"{number}.png",
                rng.integers(20_000, 60_000, (32, 32)).astype(np.uint16),
            )
    data = read(tmp_path)
    assert min(data.std) > 0.1 and 0.5 < data.mean[0] < 0.7
    assert "constant_pixels" not in kinds(data)


def test_pictures_whose_pixels_do_not_vary_are_told_of(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(4):
            # 12 bits in a file of 16
            save(tmp_path / "train" / name / f"{number}.png", np.full((8, 8), 4095, np.uint16))
    data = read(tmp_path)
    assert (
        "The pixels of the images do not vary: their deviation is 0.0 of 255 levels"
        in kinds(data)["constant_pixels"]
    )


def test_blank_pictures_are_counted(folder: Path) -> None:
    for digit in "01":
        save(folder / "train" / digit / "00.png", np.zeros((28, 28), np.uint8))
    assert (
        "images are of one colour throughout"
        in kinds(read(folder, test_fraction=0.05))["blank_images"]
    )


def test_what_is_no_picture_is_left_out_counted_and_named_once(folder: Path) -> None:
    strangers = [
        "train/readme.md",
        "train/1/notes.txt",
        "train/1/Thumbs.db",
        "train/1/.DS_Store",
        "train/0/._00.png",
        "test/2/a.csv",
    ]
    shutil.copytree(folder / "train", folder / "test")
    for name in strangers:
        (folder / name).write_text("no picture")
    (folder / "train" / "2" / "more.png").mkdir()
    (folder / "train" / "__MACOSX").mkdir()
    (folder / "train" / ".ipynb_checkpoints").mkdir()
    data = read(folder)
    assert data.classes == ("0", "1", "2") and len(data.train_images) + len(data.val_images) == 60
    told = [notice.text for notice in data.notices if notice.kind == "left_out"]
    assert (
        len(told) == 1
        and told[0].startswith("9 entries in")
        and "are left out: such as train/" in told[0]
    )


def test_the_only_file_that_is_left_out_is_named(folder: Path) -> None:
    (folder / "train" / "1" / "notes.txt").write_text("no picture")
    assert (
        kinds(read(folder))["left_out"]
        == f"One entry in {folder.name} is no picture and is left out: train/1/notes.txt."
    )


def test_test_images_that_are_training_images_are_counted(folder: Path) -> None:
    shutil.copytree(folder / "train", folder / "test")
    save(
        folder / "test" / "0" / "new.png",
        np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8),
    )
    data = ImageFolder(str(folder), 32)
    assert data.notices == (), "before anything is opened there is nothing to say"
    data.setup("fit")
    assert kinds(data)["test_copies"] == (
        "60 of 61 test images equal a training or validation image, byte for byte: the accuracy "
        "on test images may be up to 98.4 points too high."
    )
    with pytest.raises(DataError, match=r"test images of .* are not open"):
        _ = data.test_images


@pytest.mark.parametrize(
    ("copies", "images", "points"), [(1, 5000, "0.02"), (60, 61, "98.4"), (9, 9, "100")]
)
def test_a_share_of_copies_is_a_plain_number_and_never_nothing(copies, images, points):
    digests = [str(place).encode() for place in range(images)]
    parts = {"train": Part(digests[:copies], [0] * copies), "val": Part(digests, [0] * images)}
    (notice,) = copy_notices(parts, ("a",))
    assert f"may be up to {points} points too high" in notice.text


def test_validation_images_that_are_training_images_are_counted(folder: Path) -> None:
    for part in ("val", "test"):
        shutil.copytree(folder / "train", folder / part)
    shutil.rmtree(folder / "test")
    data = read(folder, test_fraction=0.5)
    assert kinds(data)["validation_copies"].startswith(
        "30 of 60 validation images equal a training image, byte for byte"
    )


def test_a_picture_in_two_classes_is_told_of(folder: Path) -> None:
    shutil.copy(folder / "train" / "0" / "04.png", folder / "train" / "2" / "copy.png")
    assert (
        kinds(read(folder))["two_classes"]
        == "1 image stands in more than one class, the first in 0 and 2; keep each in one."
    )


def test_few_validation_images_are_told_of_with_the_difference_that_means_nothing(
    folder: Path,
) -> None:
    data = read(folder, test_fraction=0.2, split=Split(val_fraction=0.25))
    assert kinds(data)["few_validation_images"] == (
        "There are only 12 validation images: one of them is 8.3 points of accuracy, and "
        "differences below 25 points mean nothing."
    )


def test_classes_of_very_unequal_size_are_told_of(folder: Path) -> None:
    for path in sorted((folder / "train" / "1").iterdir())[3:]:
        path.unlink()
    assert kinds(read(folder))["imbalance"].startswith(
        "The class 0 has 14 training images and 1 has 1: accuracy says little"
    )


def test_ordinary_images_are_passed_without_a_word(folder: Path) -> None:
    assert set(kinds(read(folder))) == {"few_validation_images", "few_test_images"}


def test_digits_are_passed_without_a_word(digits: Mnist5k) -> None:
    assert digits.notices == ()


def test_archives_are_looked_at_like_folders(tmp_path: Path) -> None:
    grey = np.full((60, 32, 32, 3), 90, np.uint8)
    labels = np.repeat(np.arange(10, dtype=np.uint8), 6)
    np.savez(
        tmp_path / "grey.npz", x_train=grey, y_train=labels, x_test=grey[:20], y_test=labels[:20]
    )
    data = Cifar10(archive=str(tmp_path / "grey.npz"), split=Split(val_fraction=0.2))
    data.setup("fit")
    found = kinds(data)
    assert {
        "constant_pixels",
        "validation_copies",
        "two_classes",
        "few_validation_images",
        "few_test_images",
    } == set(found) - {"test_copies"}
    assert found["test_copies"].startswith(
        "20 of 20 test images equal a training or validation image"
    )


def test_an_archive_without_test_images_is_searched_and_told_of(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    np.savez(
        tmp_path / "train.npz", x_train=pixels, y_train=np.repeat(np.arange(10, dtype=np.uint8), 6)
    )
    data = Cifar10(archive=str(tmp_path / "train.npz"))
    data.setup("fit")
    assert "x_test is in none of" in kinds(data)["no_test_images"]
