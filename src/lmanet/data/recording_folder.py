"""Which recordings lie in root/<class>, or in root/train, val and test, or stand in the lists of
Speech Commands; nothing is opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmanet.data.groups import Recordings
from lmanet.data.listing import class_names, require_classes, train_folder
from lmanet.errors import ConfigError, DataError

# Of Speech Commands: relative paths, a line each.
LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}
UNKNOWN = "unknown"
PARTS = ("train", "val", "test")
APART = "_"  # folders whose names begin so are no classes, such as _background_noise_


class Piece(NamedTuple):
    """Part of a recording.

    Attributes:
        start: its first sample.
        volume: that it is multiplied by, 0 to 1.
    """

    start: int
    volume: float


class Recording(NamedTuple):
    """One file, or a piece of it.

    Attributes:
        label: position of its class.
        group: of whoever was recorded, or its own.
        piece: None is all of it.
    """

    path: Path
    label: int
    group: str
    piece: Piece | None = None


class RecordingFolder:
    """The recordings of each part.

    Args:
        root: as the user's path.
        suffixes: of files that count, in small letters.
        asked: classes and subjects.

    Raises:
        DataError: a folder or a class is missing, or a class has no recording.
        ConfigError: the classes asked for are not those of the folder.
    """

    def __init__(self, root: Path, suffixes: Sequence[str], asked: Recordings) -> None:
        if not root.is_dir():
            raise DataError(
                f"there is no folder {root}; download or record the data, lay them out as "
                "root/<class>/<recording>, and name the folder with data.root"
            )
        self.root = root
        self.suffixes = tuple(suffixes)
        self.asked = asked
        self._train = train_folder(root)
        self._folders = tuple(
            name for name in class_names(self._train) if not name.startswith(APART)
        )
        self.classes = self._classes()
        self.given_parts = tuple(part for part in LISTS if self._has(part))
        for part in self.given_parts:
            if (folder := root / part).is_dir():
                require_classes(folder, self._folders)

    def part(self, name: str) -> list[Recording]:
        """The recordings of ``train``, ``val`` or ``test``; of one that is not given there are
        none. Of the class ``unknown`` there are no more than was asked for.
        """
        found, share = self._all(name), self.asked.unknown_fraction
        if share is None or UNKNOWN not in self.classes:
            return found
        label = self.classes.index(UNKNOWN)
        unknown = [place for place, each in enumerate(found) if each.label == label]
        # two at least: a class needs as many to be divided
        most = max(2, round(share * (len(found) - len(unknown))))
        left_out = set(np.random.default_rng(0).permutation(unknown)[most:].tolist())
        return [each for place, each in enumerate(found) if place not in left_out]

    def _all(self, name: str) -> list[Recording]:
        if (self.root / name).is_dir():
            return self._below(self.root / name)
        if name in LISTS:
            return self._listed(name) if name in self.given_parts else []
        others = {each.path for part in LISTS for each in self._all(part)}
        return [each for each in self._below(self._train) if each.path not in others]

    def _classes(self) -> tuple[str, ...]:
        wanted = self.asked.classes
        if wanted is None:
            if len(self._folders) < 2:
                raise DataError(
                    f"{self._train} has {len(self._folders)} class folders, and at least 2 are "
                    "needed; lay them out as root/<class>/<recording>"
                )
            return self._folders
        if missing := sorted(set(wanted) - set(self._folders)):
            raise ConfigError(
                f"the class {missing[0]} has no folder in {self._train}; there are "
                f"{', '.join(self._folders[:10])}; correct data.recordings.classes"
            )
        rest = set(self._folders) - set(wanted)
        return (*dict.fromkeys(wanted), *([UNKNOWN] if rest else []))

    def _has(self, part: str) -> bool:
        return (self.root / part).is_dir() or (self.root / LISTS[part]).is_file()

    def _below(self, folder: Path) -> list[Recording]:
        found = [
            path
            for name in self._folders
            for path in sorted((folder / name).rglob("*"))
            if path.suffix.lower() in self.suffixes and not path.name.startswith(".")
        ]
        recordings = [self._recording(path, folder) for path in found]
        labels = {each.label for each in recordings}
        if missing := [name for label, name in enumerate(self.classes) if label not in labels]:
            raise DataError(
                f"the class {missing[0]} has no recording in {folder} ({', '.join(self.suffixes)});"
                " put some there or delete its folder"
            )
        return recordings

    def _listed(self, part: str) -> list[Recording]:
        file = self.root / LISTS[part]
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        paths = [self.root / line for line in lines if line.split("/")[0] in self._folders]
        for path in paths:
            if ".." in path.parts or not path.is_file():
                raise DataError(
                    f"{file} names {path.relative_to(self.root)}, which is not there; unpack the "
                    f"data again, or delete {file.name}: then a share is split off"
                )
        return [self._recording(path, self.root) for path in paths]

    def _recording(self, path: Path, folder: Path) -> Recording:
        below = path.relative_to(folder).as_posix()
        name = below.split("/")[0]
        label = self.classes.index(name if name in self.classes else UNKNOWN)
        return Recording(path, label, self.asked.group(below))
