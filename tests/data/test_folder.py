import logging
import re
import shutil
from pathlib import Path

import pytest
import torch
from torchvision.transforms.v2.functional import to_pil_image

from lmanet.data import ImageFolder, Loading, Split
from lmanet.errors import DataError


def read(folder: Path, **settings: object) -> ImageFolder:
    data = ImageFolder(str(folder), 32, **settings)  # type: ignore[arg-type]
    data.setup("fit")
    data.setup("test")
    return data


def test_one_folder_is_divided_in_three(folder: Path) -> None:
    data = read(folder, test_fraction=0.2, split=Split(val_fraction=0.25))
    parts = (data.train_images, data.val_images, data.test_images)
    assert [len(part) for part in parts] == [36, 12, 12]
    assert len({part[i][0].numpy().tobytes() for part in parts for i in range(len(part))}) == 60
    assert (data.classes, data.num_classes) == (("0", "1", "2"), 3)
    assert "3 classes: 0, 1, 2" in data.description


def test_folders_for_validation_and_test_are_used_where_they_are(folder: Path) -> None:
    for part in ("val", "test"):
        for digit in "012":
            (folder / part / digit).mkdir(parents=True)
            shutil.move(folder / "train" / digit / f"0{'37'[part == 'val']}.png", folder / part / digit)
    data = read(folder)
    assert (len(data.train_images), len(data.val_images), len(data.test_images)) == (54, 3, 3)


def test_images_are_resized_and_cropped_to_a_square(folder: Path) -> None:
    wide = torch.zeros(3, 50, 200, dtype=torch.uint8)
    wide[:, :, 75:125] = 255  # the middle square is white
    to_pil_image(wide).save(folder / "train" / "0" / "00.png")
    data = read(folder)
    brightest = max(float(data.train_images[i][0].float().mean()) for i in range(len(data.train_images)))
    assert data.train_images[0][0].shape == (3, 32, 32)
    assert brightest > 240


def test_what_does_not_fit_in_memory_is_read_by_workers(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    small = read(folder, loading=Loading(max_memory_bytes=1000, num_workers=1))
    assert re.search(r"\d+ training images are read from their files: .* above .* data.loading.max_memory_bytes; 1 workers", caplog.text)
    held = read(folder)
    assert re.search(r"\d+ training images are kept in memory: .* of at most 4.00 GB", caplog.text)
    for (images, labels), (same, also) in zip(small.val_dataloader(4), held.val_dataloader(4), strict=True):
        assert torch.equal(images, same) and torch.equal(labels, also)
    assert (small.mean, small.std) == (held.mean, held.std)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*train; lay the images out as root/train/<class>/<image>"):
        ImageFolder(str(tmp_path / "nowhere"), 32)


def test_an_empty_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match=r"has 0 class folders, and at least 2 are needed"):
        ImageFolder(str(tmp_path), 32)


def test_an_empty_class_is_named(folder: Path) -> None:
    (folder / "train" / "3").mkdir()
    with pytest.raises(DataError, match=r"the class folder .*3 is empty; put images into it or delete it"):
        read(folder)


def test_a_file_that_is_no_image_is_named(folder: Path) -> None:
    (folder / "train" / "1" / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"notes.txt is not an image"):
        read(folder)


def test_a_broken_image_is_named(folder: Path) -> None:
    (folder / "train" / "1" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(DataError, match=r"00.png cannot be read as an image (.*); repair it"):
        read(folder)


def test_a_class_that_training_lacks_is_named(folder: Path) -> None:
    for digit in ("0", "9"):
        shutil.copytree(folder / "train" / "0", folder / "val" / digit)
    with pytest.raises(DataError, match=r"has the class 9, which .*train has not"):
        read(folder)


def test_the_checksum_tells_folders_apart(folder: Path) -> None:
    before = read(folder).checksum()
    assert read(folder).checksum() == before
    (folder / "train" / "1" / "05.png").unlink()
    assert read(folder).checksum() != before
