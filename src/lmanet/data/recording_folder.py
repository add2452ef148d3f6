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
LAYOUT = "lay the recordings out as root/<class>/<recording>, and say where root is with data.root"
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
            raise DataError(f"there is no folder {root}; download or record the data, and {LAYOUT}")
        self.root = root
        self.suffixes = tuple(suffixes)
        self.asked = asked
        self._train = train_folder(root)
        self._folders = tuple(
            name for name in class_names(self._train, LAYOUT) if not name.startswith(APART)
        )
        self.classes = self._classes()
        self.given_parts = tuple(part for part in LISTS if self._has(part))
        for part in self.given_parts:
            if (folder := root / part).is_dir():
                require_classes(folder, self._folders, "recordings")

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

    def left_out(self) -> list[Path]:
        """Files in the folders of classes that are no recordings; hidden ones do not count."""
        parts = [self.root / part for part in LISTS if (self.root / part).is_dir()]
        entries = [
            path
            for folder in (self._train, *parts)
            for name in self._folders
            for path in sorted((folder / name).rglob("*"))
        ]
        shown = [path for path in entries if path.is_file() and not path.name.startswith(".")]
        return [path for path in shown if not self._counts(path)]

    @property
    def tells_subjects(self) -> bool:
        """Whether the paths of training recordings name who was recorded."""
        paths = (each.path.relative_to(self._train) for each in self._below(self._train))
        return any(self.asked.subject_of(path.as_posix()) for path in paths)

    def _counts(self, path: Path) -> bool:
        return path.suffix.lower() in self.suffixes and not path.name.startswith(".")

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
                    f"needed; {LAYOUT}"
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
            if self._counts(path)
        ]
        recordings = [self._recording(path, folder) for path in found]
        where = f"{folder} ({', '.join(self.suffixes)})"
        self._require_all(recordings, where, "put some there or delete its folder")
        self._require_subjects([path.relative_to(folder).as_posix() for path in found])
        return recordings

    def _require_all(self, recordings: Sequence[Recording], where: str, cure: str) -> None:
        """Each class has a recording."""
        labels = {each.label for each in recordings}
        if missing := [name for label, name in enumerate(self.classes) if label not in labels]:
            raise DataError(f"the class {missing[0]} has no recording in {where}; {cure}")

    def _require_subjects(self, paths: Sequence[str]) -> None:
        """Where a path tells a subject, all do: another one could be divided."""
        told = [self.asked.subject_of(path) is not None for path in paths]
        if any(told) and not all(told):
            raise ConfigError(
                f"subject={self.asked.subject!r} finds nobody in {paths[told.index(False)]}, and "
                f"somebody in {paths[told.index(True)]}; rename one, or correct "
                "data.recordings.subject"
            )

    def _listed(self, part: str) -> list[Recording]:
        file = self.root / LISTS[part]
        lines = self._lines(part)
        paths = [self.root / line for line in lines if line.split("/")[0] in self._folders]
        for path in paths:
            if ".." in path.parts or not path.is_file():
                raise DataError(
                    f"{file} names {path.relative_to(self.root)}, which is not there; unpack the "
                    f"data again, or delete {file.name}: then a share is split off"
                )
        others = {
            line for other in self.given_parts if other != part for line in self._lines(other)
        }
        if twice := sorted(others.intersection(lines)):
            raise DataError(f"{twice[0]} validates and tests; take it out of one of the two lists")
        recordings = [self._recording(path, self.root) for path in paths]
        self._require_all(recordings, str(file), f"add some, or delete {file.name}")
        return recordings

    def _lines(self, part: str) -> list[str]:
        """Of the list of a part; of a part that has a folder there are none."""
        file = self.root / LISTS[part]
        if (self.root / part).is_dir():
            return []
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{file} cannot be read ({error}); it needs a relative path a line, in UTF-8"
            ) from error
        return [line.strip() for line in lines if line.strip()]

    def _recording(self, path: Path, folder: Path) -> Recording:
        below = path.relative_to(folder).as_posix()
        name = below.split("/")[0]
        label = self.classes.index(name if name in self.classes else UNKNOWN)
        return Recording(path, label, self.asked.group(below))
