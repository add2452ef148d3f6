"""Which pictures lie in root/train/<class>, root/val/<class> and root/test/<class>, or in
root/<class> alone; nothing is opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lmanet.data.decode import NOT_READ, picture_suffixes
from lmanet.data.images import Stamp, stamp_of
from lmanet.errors import DataError, first_of

PARTS = ("val", "test")
LAYOUT = (
    "lay the images out as root/<class>/<image>, or as root/train/<class>/<image> beside root/val "
    "and root/test, and say where root is with data.root"
)
PICTURES = ".jpg, .png, .tif, .webp, .bmp, .gif, or another that Pillow reads"
# What others call the parts; in small letters.
PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
NO_CLASSES = ("__MACOSX", "@eaDir", "lost+found")  # made by unzip, by a NAS, by a file system
SHOWN = 5  # names in a message


class Listing(NamedTuple):
    """The pictures of one part.

    Attributes:
        paths: by class, then by name.
        labels: position of each one's class.
        left_out: files and folders that are no pictures.
        stamps: of the pictures, by which a change of theirs is seen.
    """

    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    left_out: tuple[Path, ...]
    stamps: tuple[Stamp, ...]


def train_folder(root: Path) -> Path:
    """Where the class folders are: ``root/train``, or ``root`` itself where nothing is divided.

    Raises:
        DataError: it is a file, or a part bears a name that nothing looks for.
    """
    if root.is_file():
        is_archive = root.suffix.lower() in ARCHIVES
        remedy = "unpack it, and name the folder that comes out" if is_archive else "name a folder"
        raise DataError(f"data.root={root} is a file, and must be a folder; {remedy}")
    divided = any((root / part).is_dir() for part in ("train", *PARTS))
    _refuse_other_words(root, divided)
    return root / "train" if divided else root


def class_names(folder: Path, layout: str = LAYOUT) -> tuple[str, ...]:
    """The class folders of a part, sorted.

    Args:
        layout: that the user is told of.

    Raises:
        DataError: there are fewer than two.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; {layout}")
    names = tuple(sorted(path.name for path in folder.iterdir() if _is_class(path)))
    if len(names) < 2:
        given = f"{len(names)} class folder{'' if len(names) == 1 else 's'}"
        raise DataError(
            f"{folder} has {given}, and at least 2 are needed; {_hint(folder, names, layout)}"
        )
    return names


def require_classes(folder: Path, classes: Sequence[str], what: str = "images") -> None:
    """Refuse a part that has other classes than ``train``.

    Args:
        what: the folders hold.

    Raises:
        DataError: it lacks some, or has more.
    """
    train = folder.with_name("train")
    names = {path.name for path in folder.iterdir() if _is_class(path)}
    if lacking := sorted(set(classes) - names):
        raise DataError(
            f"{folder} lacks {_named(lacking)} of the {len(classes)} classes in {train}; add "
            f"{what} of them, or delete {folder}: then its {what} are split from {train}"
        )
    if unknown := sorted(names - set(classes)):
        raise DataError(f"{folder} has {_named(unknown)} more than {train}; add {what} there, too")


def list_part(folder: Path, classes: Sequence[str]) -> Listing:
    """The pictures of all classes.

    Raises:
        DataError: a class has none.
    """
    paths: list[Path] = []
    labels: list[int] = []
    left_out = sorted(path for path in folder.iterdir() if path.name not in classes)
    suffixes = picture_suffixes()
    for label, name in enumerate(classes):
        entries = sorted((folder / name).iterdir())
        pictures = [path for path in entries if is_picture(path, suffixes)]
        if not pictures:
            raise DataError(f"the class folder {folder / name} has {_why_empty(entries)}")
        paths += pictures
        labels += [label] * len(pictures)
        left_out += sorted(set(entries) - set(pictures))
    stamps = tuple(stamp_of(path) for path in paths)
    return Listing(tuple(paths), tuple(labels), tuple(left_out), stamps)


def _refuse_other_words(root: Path, divided: bool) -> None:
    """Refuse ``Train`` and ``validation``: they would be classes, or be left out in silence."""
    if not root.is_dir():
        return
    folders = [path for path in root.iterdir() if _is_class(path)]
    parts = {path: PART_WORDS.get(path.name.casefold()) for path in folders}
    other = sorted(path for path, part in parts.items() if part and not _is_same(path, root / part))
    if other and (divided or all(parts.values())):
        names = ", ".join(path.name for path in other)
        raise DataError(
            f"{root} has {names}, and the parts are called train, val and test, in small letters; "
            f"rename {other[0].name} to {parts[other[0]]}, or take it out of the folder"
        )


def _is_same(one: Path, other: Path) -> bool:
    """By name, or where a file system tells no case apart."""
    return one == other or (other.exists() and one.samefile(other))


def _hint(folder: Path, names: Sequence[str], layout: str) -> str:
    """What to do where there are too few classes."""
    inner = [folder / name for name in names if _classes_in(folder / name) > 1]
    if inner:
        return f"{inner[0]} has some: set data.root={inner[0]}"
    suffixes = picture_suffixes()
    if loose := sum(is_picture(path, suffixes) for path in folder.iterdir()):
        return f"pictures lie in it ({loose}): put those of each class into a folder; {layout}"
    return layout


def _classes_in(folder: Path) -> int:
    return sum(map(_is_class, folder.iterdir()))


def _why_empty(entries: Sequence[Path]) -> str:
    """What a class folder without a picture has in place of them, and what to do."""
    if not entries:
        return "nothing in it; put images there or delete it"
    if folders := [path.name for path in entries if _is_class(path)]:
        named = first_of(folders, SHOWN)
        return f"no picture but folders ({named}), which nothing looks into; move their images up"
    if unread := sorted({path.suffix.lower() for path in entries} & set(NOT_READ)):
        return f"only pictures of a kind that is not read ({', '.join(unread)}); save them as JPEG"
    return f"no picture ({PICTURES}); put images there or delete it"


def _is_class(path: Path) -> bool:
    named = not path.name.startswith(".") and path.name not in NO_CLASSES
    return named and path.is_dir() and not _leads_back(path)


def _leads_back(path: Path) -> bool:
    """A link to a folder that it lies in."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def is_picture(path: Path, suffixes: frozenset[str]) -> bool:
    """By name: a broken link counts, so that reading it names it."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()


def _named(classes: Sequence[str]) -> str:
    return f"the class{'' if len(classes) == 1 else 'es'} {first_of(classes, SHOWN)}"
