"""Which pictures lie in root/train/<class>, root/val/<class> and root/test/<class>, or in
root/<class> alone; nothing is opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lmanet.data.decode import picture_suffixes
from lmanet.data.images import Stamp, stamp_of
from lmanet.errors import DataError

PARTS = ("val", "test")
LAYOUT = (
    "lay the images out as root/<class>/<image>, or as root/train/<class>/<image> beside root/val "
    "and root/test, and say where root is with data.root"
)
PICTURES = ".jpg, .png, .tif, .webp, .bmp, .gif, or another that Pillow reads"
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
    """Where the class folders are: ``root/train``, or ``root`` itself where nothing is divided."""
    divided = any((root / part).is_dir() for part in ("train", *PARTS))
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
        raise DataError(f"{folder} has {given}, and at least 2 are needed; {layout}")
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
        pictures = [path for path in entries if _is_picture(path, suffixes)]
        if not pictures:
            told = f"no picture ({PICTURES})" if entries else "nothing in it"
            raise DataError(
                f"the class folder {folder / name} has {told}; put images there or delete it"
            )
        paths += pictures
        labels += [label] * len(pictures)
        left_out += sorted(set(entries) - set(pictures))
    stamps = tuple(stamp_of(path) for path in paths)
    return Listing(tuple(paths), tuple(labels), tuple(left_out), stamps)


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".") and path.name not in NO_CLASSES


def _is_picture(path: Path, suffixes: frozenset[str]) -> bool:
    """By name: a broken link counts, so that reading it names it."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()


def _named(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - SHOWN} more" if len(classes) > SHOWN else ""
    return f"the class{'' if len(classes) == 1 else 'es'} {', '.join(classes[:SHOWN])}{more}"
