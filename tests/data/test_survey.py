"""What is found in a folder before a run."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from lmanet.data import ImageFolder
from lmanet.data.faults import resolution_of
from lmanet.data.survey import refuse_broken, survey
from lmanet.errors import DataError


def test_a_plain_folder_of_classes_is_divided_in_three(folder: Path) -> None:
    found = survey(ImageFolder(str(folder / "train"), 16))
    assert found.parts == {"train": 42, "val": 9, "test": 9} and found.given == ()
    assert dict(found.counts) == {"0": 17, "1": 17, "2": 17}
    assert (found.looked_at, found.sides, found.grey) == (60, (28, 28, 28), 1.0)


def test_a_plain_folder_and_one_with_train_are_the_same_images(folder: Path) -> None:
    plain, nested = ImageFolder(str(folder / "train"), 16), ImageFolder(str(folder), 16)
    assert plain.checksum() == nested.checksum()


def test_a_folder_beside_val_or_test_needs_train(folder: Path) -> None:
    shutil.move(folder / "train", folder / "val")
    with pytest.raises(DataError, match=r"there is no folder .*/train; lay the images out"):
        ImageFolder(str(folder), 16)


def test_colour_size_and_class_counts_are_told(folder: Path) -> None:
    Image.new("RGB", (90, 50), (200, 30, 30)).save(folder / "train" / "0" / "red.png")
    found = survey(ImageFolder(str(folder), 16))
    assert found.grey == pytest.approx(60 / 61) and found.sides == (28, 28, 50)
    assert (found.largest, found.smallest) == ("0", "1")


def test_broken_files_are_all_named_at_once(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        (folder / "train" / "1" / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    found = survey(ImageFolder(str(folder), 16))
    assert [path.name for path in found.broken] == ["a.png", "b.png"]
    with pytest.raises(DataError, match=r"2 of 62 pictures .* cannot be read: .*a.png, .*b.png;"):
        refuse_broken(found)


def test_of_one_broken_file_the_reason_is_said(folder: Path) -> None:
    (folder / "train" / "1" / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(DataError, match=r"a\.jpg cannot be read .*it is HEIC, .* as JPEG"):
        refuse_broken(survey(ImageFolder(str(folder), 16)))


def test_copies_across_parts_and_few_images_are_counted(folder: Path) -> None:
    for name in "012":
        (folder / "test" / name).mkdir(parents=True)
        shutil.copy(folder / "train" / name / "00.png", folder / "test" / name)
    kinds = {notice.kind for notice in survey(ImageFolder(str(folder), 16)).notices}
    assert {"test_copies", "few_validation_images", "few_test_images"} <= kinds


def test_looking_ends_when_its_time_is_over(folder: Path) -> None:
    assert survey(ImageFolder(str(folder), 16), seconds=0.0).looked_at == 1


@pytest.mark.parametrize(("images", "points"), [(40, 15), (100, 10), (1000, 3)])
def test_the_difference_that_images_can_show_is_that_of_the_binomial(
    images: int, points: int
) -> None:
    assert round(100 * resolution_of(images)) == points
