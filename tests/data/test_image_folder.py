import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2.functional import to_pil_image

from lmanet.data import ImageFolder, Loading, Split
from lmanet.data.images import decode
from lmanet.errors import ConfigError, DataError, HistoryError
from lmanet.network.images import fit
from lmanet.run.folder import RunFolder
from lmanet.run.shared_settings import remember_settings


def read(folder: Path, **settings: object) -> ImageFolder:
    data = ImageFolder(str(folder), 32, **settings)
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
            shutil.move(
                folder / "train" / digit / f"0{'37'[part == 'val']}.png", folder / part / digit
            )
    data = read(folder)
    assert (len(data.train_images), len(data.val_images), len(data.test_images)) == (54, 3, 3)


def test_images_are_resized_and_cropped_to_a_square(folder: Path) -> None:
    wide = torch.zeros(3, 50, 200, dtype=torch.uint8)
    wide[:, :, 75:125] = 255  # the middle square is white
    to_pil_image(wide).save(folder / "train" / "0" / "00.png")
    data = read(folder)
    brightest = max(
        float(data.train_images[i][0].float().mean()) for i in range(len(data.train_images))
    )
    assert data.train_images[0][0].shape == (3, 32, 32)
    assert brightest > 240


def test_what_does_not_fit_in_memory_is_read_by_workers(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    small = read(folder, loading=Loading(max_memory_bytes=1000, num_workers=1))
    assert re.search(
        (
            r"\d+ training images are read from their files: .* above .* "
            r"data.loading.max_memory_bytes; 1 workers"
        ),
        caplog.text,
    )
    held = read(folder)
    assert re.search(r"\d+ training images are kept in memory: .* of at most 4.00 GB", caplog.text)
    for (images, labels), (same, also) in zip(
        small.val_dataloader(4), held.val_dataloader(4), strict=True
    ):
        assert torch.equal(images, same) and torch.equal(labels, also)
    assert (small.mean, small.std) == (held.mean, held.std)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"there is no folder .*missing.*; lay the images out as root/<class>/<image>",
    ):
        ImageFolder(str(tmp_path / "nowhere"), 32)


def test_an_empty_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match=r"has 0 class folders, and at least 2 are needed"):
        ImageFolder(str(tmp_path), 32)


def test_an_empty_class_is_named(folder: Path) -> None:
    (folder / "train" / "3").mkdir()
    with pytest.raises(
        DataError, match=r"the class folder .*3 has nothing in it; put images there or delete it"
    ):
        read(folder)


def test_a_broken_image_is_named(folder: Path) -> None:
    (folder / "train" / "1" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(DataError, match=r"00.png cannot be read as an image (.*); repair it"):
        read(folder)


def test_a_class_that_training_lacks_is_named(folder: Path) -> None:
    shutil.copytree(folder / "train", folder / "val")
    shutil.copytree(folder / "train" / "0", folder / "val" / "9")
    with pytest.raises(
        DataError, match=r"val has the class 9 more than .*train; add images there, too"
    ):
        read(folder)


def test_a_rotated_jpeg_is_turned_upright_when_a_folder_is_read(folder: Path) -> None:
    stored = np.zeros((32, 32, 3), np.uint8)
    stored[:, :16] = 255  # the left half, which belongs on top
    exif = Image.Exif()
    exif[274] = 6
    for loading in (Loading(), Loading(max_memory_bytes=0, num_workers=0)):
        Image.fromarray(stored).save(folder / "train" / "0" / "00.jpg", exif=exif)
        data = read(folder, loading=loading)
        pixels = [
            part[i][0]
            for part in (data.train_images, data.val_images, data.test_images)
            for i in range(len(part))
        ]
        assert any(image[:, :14].min() > 250 and image[:, 18:].max() < 5 for image in pixels)


def test_pictures_of_all_formats_are_taken_whatever_the_case_of_their_suffix(folder: Path) -> None:
    picture = Image.open(folder / "train" / "0" / "00.png").convert("RGB")
    for name in ("x.GIF", "x.Tiff", "x.webp", "x.JPEG", "x.bmp"):
        picture.save(folder / "train" / "0" / name)
    data = read(folder)
    assert len(data.train_images) + len(data.val_images) + len(data.test_images) == 65
    assert "left_out" not in {notice.kind for notice in data.notices}


def test_a_class_with_nothing_but_other_files_is_named(folder: Path) -> None:
    (folder / "train" / "3").mkdir()
    (folder / "train" / "3" / "a.xyz").write_bytes(b"no picture that Pillow reads")
    with pytest.raises(
        DataError,
        match=r"the class folder .*3 has no picture \(\.jpg, .*\); put images there or delete it",
    ):
        read(folder)


@pytest.mark.parametrize(
    ("kept", "also", "says"),
    [
        (
            2,
            (),
            (
                r"the class 1 has 2 images in .*train, and at least 3 are needed, one "
                r"each for training, validation and test; add some"
            ),
        ),
        (1, (), r"the class 1 has 1 image in .*train, and at least 3 are needed"),
        (
            1,
            ("test",),
            (
                r"the class 1 has 1 image in .*train, and at least 2 are needed, one "
                r"each for training and validation; add"
            ),
        ),
        (
            1,
            ("val",),
            (
                r"the class 1 has 1 image in .*train, and at least 2 are needed, one "
                r"each for training and test; add"
            ),
        ),
    ],
)
def test_a_class_with_too_few_pictures_is_named_as_the_user_sees_it(
    folder: Path, kept: int, also: tuple[str, ...], says: str
) -> None:
    for part in also:
        shutil.copytree(folder / "train", folder / part)
    for path in sorted((folder / "train" / "1").iterdir())[kept:]:
        path.unlink()
    with pytest.raises(DataError, match=says):
        read(folder)


def test_the_fewest_pictures_that_suffice_are_enough(folder: Path) -> None:
    for digit in "012":
        for path in sorted((folder / "train" / digit).iterdir())[3:]:
            path.unlink()
    data = read(folder, split=Split(val_fraction=0.15, max_train_images=2))
    assert (len(data.train_images), len(data.val_images), len(data.test_images)) == (3, 3, 3)


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_part_that_lacks_classes_is_named_with_them_before_anything_is_read(
    folder: Path, part: str
) -> None:
    shutil.copytree(folder / "train" / "0", folder / part / "0")
    with pytest.raises(
        DataError,
        match=(
            rf"{part} lacks the classes 1, 2 of the 3 classes in .*train; add images "
            r"of them, or delete"
        ),
    ):
        ImageFolder(str(folder), 32)


def test_a_root_that_is_not_given_is_asked_for_in_one_sentence() -> None:
    for root in (None, ""):
        with pytest.raises(
            ConfigError, match=r"data.root is not set, .*root/train/<class>/<image>"
        ):
            ImageFolder(root, 32)


def test_the_home_folder_and_relative_paths_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder.parent)
    for root in (f"~/{folder.name}", folder.name, f"./{folder.name}/"):
        assert (ImageFolder(root, 32).classes, ImageFolder(root, 32).name) == (
            ("0", "1", "2"),
            folder.name,
        )
    with pytest.raises(ConfigError, match="~nobody-of-this-name/x"):
        ImageFolder("~nobody-of-this-name/x", 32)


@pytest.mark.parametrize("resolution", [0, -1, 32.5, "32"])
def test_a_resolution_that_is_no_number_of_pixels_is_refused(
    folder: Path, resolution: object
) -> None:
    with pytest.raises(
        ConfigError, match=rf"resolution={resolution} must be a whole number of pixels"
    ):
        ImageFolder(str(folder), resolution)


def test_the_checksum_covers_validation_contents_and_labels(folder: Path) -> None:
    for part in ("val", "test"):
        shutil.copytree(folder / "train", folder / part)
    before = ImageFolder(str(folder), 32).checksum()
    assert ImageFolder(str(folder), 32).checksum() == before

    swap(folder / "val" / "0", folder / "val" / "1")
    assert ImageFolder(str(folder), 32).checksum() != before, (
        "two classes of validation were swapped"
    )
    swap(folder / "val" / "0", folder / "val" / "1")
    assert ImageFolder(str(folder), 32).checksum() == before

    for part in ("train", "val"):
        path = folder / part / "2" / "03.png"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"x")  # of the same size
        assert ImageFolder(str(folder), 32).checksum() != before
        path.write_bytes(content)
    (folder / "test" / "0" / "03.png").unlink()
    assert ImageFolder(str(folder), 32).checksum() == before, (
        "the test images have no part in the search"
    )


def test_a_search_is_not_resumed_when_two_classes_of_validation_were_swapped(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = tmp_path_factory.mktemp("run")
    shutil.copytree(folder / "train", folder / "val")
    (run / "history.jsonl").touch()
    for _ in range(2):
        remember_settings(RunFolder(run), {"seed": 0, "data_checksum": read(folder).checksum()})
    swap(folder / "val" / "0", folder / "val" / "1")
    with pytest.raises(
        HistoryError,
        match=(
            r"holds a search on other images: files or labels for training or "
            r"validation have changed"
        ),
    ):
        remember_settings(RunFolder(run), {"seed": 0, "data_checksum": read(folder).checksum()})


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def test_the_checksum_does_not_depend_on_where_the_images_are_kept(folder: Path) -> None:
    assert (
        read(folder, loading=Loading(max_memory_bytes=0, num_workers=0)).checksum()
        == read(folder).checksum()
    )


def test_frames_have_the_sizes_of_their_files(folder: Path) -> None:
    to_pil_image(torch.zeros(3, 40, 70, dtype=torch.uint8)).save(folder / "train" / "0" / "00.png")
    data = read(folder, loading=Loading(num_workers=0))
    kept, frames = data.val_dataloader(4), list(data.val_dataloader(4, frames=True))
    assert torch.equal(
        torch.cat([labels for _, labels in frames]), torch.cat([labels for _, labels in kept])
    )
    assert all(
        torch.equal(fit(frame, 32)[0], image)
        for (frame, _), image in zip(frames, kept.images.images, strict=True)
    )
    train = data.given("train").frames()
    assert {tuple(train[i][0].shape) for i in range(len(train))} == {(3, 28, 28), (3, 40, 70)}


def test_one_channel_reads_colour_in_grey(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "train" / "0" / "colour.png")
    data = ImageFolder(str(folder), 32, channels=1)
    data.setup("fit")
    assert data.shape == (1, 32, 32) and len(data.mean) == len(data.std) == 1
    assert tuple(data.train_images[0][0].shape) == (1, 32, 32)
    found = decode(folder / "train" / "0" / "colour.png", (1, 32, 32))
    assert np.array_equal(found[0].numpy(), np.asarray(Image.fromarray(pixels).convert("L")))


def test_pictures_are_cut_to_the_aspect_that_is_asked_for(folder: Path) -> None:
    data = ImageFolder(str(folder), 24, width=32)
    data.setup("fit")
    assert data.shape == (3, 24, 32)
    assert tuple(data.train_images[0][0].shape) == data.shape


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 2}, r"channels=2 must be 3 \(red, green, blue\) or 1 \(grey\)"),
        ({"width": 0}, "width=0 must be a whole number of pixels"),
    ],
)
def test_channels_and_widths_of_no_picture_are_refused(
    folder: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ImageFolder(str(folder), 32, **settings)
