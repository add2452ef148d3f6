"""Folders as newcomers have them: each is read as it is meant, or one sentence says what to do."""

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from lmanet.data.decode import read_image
from lmanet.data.faults import class_notices, left_out_notices
from lmanet.data.listing import class_names, list_part, train_folder
from lmanet.errors import DataError

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def pictures(*folders: Path) -> Path:
    """One picture in each folder; gives the first one."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / "a.png")
    return folders[0]


def test_an_archive_and_a_file_in_place_of_a_folder_say_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat/a.png", b"")
    with pytest.raises(DataError, match=r"photos\.zip is a file, .*; unpack it, and name the fol"):
        train_folder(tmp_path / "photos.zip")
    (tmp_path / "photos").write_text("x")
    with pytest.raises(DataError, match=r"photos is a file, .*; name a folder"):
        train_folder(tmp_path / "photos")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Train", "Validation", "Test"), "Test, Train, Validation, .* rename Test to test"),
        (("train", "valid", "test"), "valid, .* rename valid to val"),
        (("training", "testing"), "testing, training, .* rename testing to test"),
    ],
)
def test_parts_by_other_names_are_no_classes_and_not_left_out_in_silence(
    names: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    for name in names:
        pictures(tmp_path / name / "cat", tmp_path / name / "dog")
    with pytest.raises(DataError, match=rf"has {said}"):
        train_folder(tmp_path)


def test_a_class_may_be_called_train_with_a_capital_beside_others(tmp_path: Path) -> None:
    pictures(tmp_path / "Train", tmp_path / "Bus")
    assert train_folder(tmp_path) == tmp_path and class_names(tmp_path) == ("Bus", "Train")


def test_one_folder_around_all_classes_is_named(tmp_path: Path) -> None:
    pictures(tmp_path / "photos" / "cat", tmp_path / "photos" / "dog")
    with pytest.raises(DataError, match=r"1 class folder, .* set data\.root=.*/photos$"):
        class_names(tmp_path)


def test_pictures_without_class_folders_are_counted(tmp_path: Path) -> None:
    for name in ("cat.1.png", "dog.1.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"0 class folders, .*; pictures lie in it \(2\): put"):
        class_names(tmp_path)


def test_a_link_back_to_a_folder_around_it_is_no_class(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    pictures(root / "cat", root / "dog")
    for link, target in (("loop", "."), ("up", ".."), ("cat/loop", ".."), ("itself", "itself")):
        (root / link).symlink_to(target)
    classes = class_names(root)
    assert classes == ("cat", "dog")
    found = list_part(root, classes)
    assert [path.name for path in found.paths] == ["a.png", "a.png"]
    assert {path.name for path in found.left_out} == {"loop", "up", "itself"}


def test_a_link_to_a_folder_elsewhere_is_a_class(tmp_path: Path) -> None:
    pictures(tmp_path / "elsewhere", tmp_path / "photos" / "dog")
    (tmp_path / "photos" / "cat").symlink_to(tmp_path / "elsewhere")
    assert class_names(tmp_path / "photos") == ("cat", "dog")


def test_a_class_folder_says_why_it_has_no_picture(tmp_path: Path) -> None:
    pictures(tmp_path / "cat" / "batch 1", tmp_path / "dog")
    with pytest.raises(DataError, match=r"cat has no picture but folders \(batch 1\), .* move"):
        list_part(tmp_path, ("cat", "dog"))
    (tmp_path / "cow").mkdir()
    (tmp_path / "cow" / "IMG_1.HEIC").write_bytes(HEIC)
    with pytest.raises(DataError, match=r"kind that is not read \(\.heic\); save them as JPEG"):
        list_part(tmp_path, ("cow",))


def test_names_with_spaces_signs_and_dots_are_classes_but_hidden_folders_are_not(
    tmp_path: Path,
) -> None:
    names = (" lead", "-dash", "my cat", "v1.2", "🐶 dog")
    pictures(*(tmp_path / name for name in (*names, ".hidden")))
    assert class_names(tmp_path) == tuple(sorted(names))
    assert [path.name for path in list_part(tmp_path, names).left_out] == [".hidden"]


def test_classes_that_differ_in_case_spaces_or_accents_alone_are_doubted() -> None:
    (case, form) = class_notices(("Cat", "cat", "dog", "café", "cafe\u0301", "my cat"))
    assert "'Cat' and 'cat' differ in case" in case.text and "caf" in form.text
    assert not list(class_notices(("cat", "cats", "c at")))


def test_pictures_of_phones_that_are_left_out_are_called_pictures(tmp_path: Path) -> None:
    names = ("a.HEIC", "b.heic", "notes.txt")
    unread, rest = left_out_notices(tmp_path, [tmp_path / name for name in names])
    assert unread.text.startswith("2 pictures in ") and "as JPEG" in unread.text
    assert rest.text.endswith("is no picture and is left out: notes.txt.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEIC, "it is HEIC, whatever its name says, which is not read: save it as JPEG"),
        (b"", "it is empty"),
        (b"<!DOCTYPE html>", "its content is no picture of a format that is read"),
    ],
)
def test_a_file_that_is_no_picture_by_its_content_says_what_it_is(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.jpg cannot be read as an image \({reason}\)"):
        read_image(tmp_path / "a.jpg")
