"""Recordings of sensors as windows of channels x time: folders of CSV and NPY, or .ts archives."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lmanet.base import Notice
from lmanet.data.groups import GroupedImages, Recordings
from lmanet.data.module import user_path
from lmanet.data.recorded import GroupedModule, RecordedModule
from lmanet.data.recording_folder import Recording
from lmanet.data.signal_file import SUFFIXES, column_names, read_signal, read_ts
from lmanet.data.split import Split
from lmanet.data.windows import (
    Labelled,
    Windows,
    scaling_of,
    sensing_of,
    still_channels,
    windowed,
)
from lmanet.errors import ConfigError, DataError
from lmanet.network.images import Scaling
from lmanet.steps import Sensing

MOST_LOOKED_AT = 20  # recordings, for notices
AEON = "pip install --no-deps aeon"  # what it depends on wants an older NumPy


class SignalFolder(RecordedModule):
    """CSV or NPY files in one folder a class, cut into windows.

    Windows of one recording, or of one subject, are all on the same side of a split.

    Args:
        root: has a folder for each class, or ``train`` that has them, beside ``val`` and ``test``.
        windows: how recordings are cut, and their values become bytes.
        columns: of CSV files with a header; None takes all.
        recordings: classes and subjects.
        split: how recordings are divided.

    Raises:
        ConfigError: a setting is missing or not legal.
        DataError: a folder is missing, or a class has no recording.
    """

    def __init__(
        self,
        root: str | None,
        windows: Windows | None = None,
        columns: Sequence[str] | None = None,
        recordings: Recordings | None = None,
        split: Split | None = None,
    ) -> None:
        super().__init__(root, SUFFIXES, recordings or Recordings(), split or Split())
        self.windows = windows or Windows()
        self.columns = None if columns is None else _columns(columns)
        self._scaling: Scaling | None = None
        self._first = self.folder.part("train")[0].path
        self.channels = len(read_signal(self._first, self.columns))
        self.height, self.width = 1, self.windows.length
        self.description = _description(self)

    @property
    def scaling(self) -> Scaling:
        """Values -> bytes; the firmware does the same."""
        if self._scaling is None:
            self._scaling = scaling_of(self._labelled(self._shared(0)), self.windows)
        return self._scaling

    @property
    def window_bytes(self) -> int:
        """That the board keeps."""
        return self.channels * self.width

    def sensing(self) -> Sensing:
        return sensing_of(self.windows, self.scaling)

    def read(self, recordings: Sequence[Recording]) -> GroupedImages:
        return windowed(self._labelled(recordings), self.windows, self.scaling)

    def find_notices(self) -> Iterator[Notice]:
        yield from super().find_notices()
        names = self.columns or column_names(self._first)
        looked_at = self._labelled(self._shared(0)[:MOST_LOOKED_AT])
        for channel in _times(looked_at):
            text = (
                f"{_called(channel, names)} never falls in a recording, as time does not: a "
                "network may learn the time; name the other columns in data.columns."
            )
            yield Notice(kind="time_as_channel", text=text)
        yield from _still_notices(self.scaling, names)

    def _labelled(self, recordings: Sequence[Recording]) -> list[Labelled]:
        if self.columns is None:
            self._require_same_columns([each.path for each in recordings])
        return [
            Labelled(read_signal(each.path, self.columns), each.label, each.group, str(each.path))
            for each in recordings
        ]

    def _require_same_columns(self, paths: Sequence[Path]) -> None:
        """Without names columns are told by their places, so that these must be the same."""
        if (wanted := column_names(self._first)) is None:
            return
        for path in paths:
            names = column_names(path)
            if names and names != wanted:
                raise DataError(
                    f"{path} has the columns {', '.join(names[:12])}, and {self._first} has "
                    f"{', '.join(wanted[:12])}; name those to read in data.columns"
                )


class TsSignals(GroupedModule):
    """A data set of .ts files, ``NAME_TRAIN.ts`` and ``NAME_TEST.ts``; each series is a recording.

    Args:
        name: of the data set.
        root: folder of the two files; None is the one of that name in the package aeon.
        windows: how series are cut, and their values become bytes.
        description: what the series are, in words; None says their shape.
        split: how the series of the training file are divided.

    Raises:
        DataError: a file is missing or broken.
    """

    def __init__(
        self,
        name: str,
        root: str | None = None,
        windows: Windows | None = None,
        description: str | None = None,
        split: Split | None = None,
    ) -> None:
        super().__init__(split or Split())
        self.name = name
        self.windows = windows or Windows()
        self.root = user_path(root) if root else _in_aeon(name)
        cases = read_ts(self._file("TRAIN"))
        self.classes = tuple(sorted({case.label for case in cases}))
        if len(self.classes) < 2:
            raise DataError(
                f"{self._file('TRAIN')} has {len(self.classes)} classes, and at least 2 are needed"
            )
        self.num_classes = len(self.classes)
        self.channels = len(cases[0].series)
        self.height, self.width = 1, self.windows.length
        self.description = description or _description(self)
        self._scaling: Scaling | None = None

    @property
    def scaling(self) -> Scaling:
        """Values -> bytes; the firmware does the same."""
        if self._scaling is None:
            self._scaling = scaling_of(self._labelled("TRAIN"), self.windows)
        return self._scaling

    @property
    def window_bytes(self) -> int:
        """That the board keeps."""
        return self.channels * self.width

    def sensing(self) -> Sensing:
        return sensing_of(self.windows, self.scaling)

    def find_notices(self) -> Iterator[Notice]:
        yield from super().find_notices()
        yield from _still_notices(self.scaling)

    def require_part(self, part: str) -> None:
        file = self._file("TRAIN" if part == "fit" else "TEST")
        if not file.is_file():
            raise DataError(f"there is no {file}; download it, or correct data.root")

    def read_train(self) -> GroupedImages:
        return windowed(self._labelled("TRAIN"), self.windows, self.scaling)

    def read_test(self) -> GroupedImages:
        found = self._labelled("TEST")
        known = {each.label for each in found}
        if missing := [name for n, name in enumerate(self.classes) if n not in known]:
            raise DataError(
                f"{self._file('TEST')} has no series of the class {missing[0]!r}, which "
                f"{self._file('TRAIN')} has; both files need the same classes"
            )
        return windowed(found, self.windows, self.scaling)

    def _file(self, part: str) -> Path:
        return self.root / f"{self.name}_{part}.ts"

    def _labelled(self, part: str) -> list[Labelled]:
        file = self._file(part)
        found = []
        for number, case in enumerate(read_ts(file)):
            if case.label not in self.classes:
                raise DataError(
                    f"{file} has the class {case.label!r}, which {self._file('TRAIN')} has not; "
                    "both files need the same classes"
                )
            where = f"series {number} of {file}"
            found.append(Labelled(case.series, self.classes.index(case.label), where, where))
        return found


def _in_aeon(name: str) -> Path:
    spec = importlib.util.find_spec("aeon")  # not imported: it takes seconds and more packages
    if not spec or not spec.origin:
        raise ConfigError(
            f"the series of {name} are part of the package aeon: {AEON}, or name the folder of "
            f"{name}_TRAIN.ts with data.root"
        )
    folder = Path(spec.origin).parent / "datasets" / "data" / name
    if not folder.is_dir():
        raise ConfigError(
            f"the package aeon has no series {name}; name the folder of {name}_TRAIN.ts with "
            "data.root, or correct data.name"
        )
    return folder


def _columns(given: Sequence[str]) -> tuple[str, ...]:
    names = () if isinstance(given, str) else tuple(given)
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"columns={given!r} must be a list of names, each once, such as [ax,ay,az]; correct "
            "data.columns"
        )
    return names


def _still_notices(scaling: Scaling, names: Sequence[str] | None = None) -> Iterator[Notice]:
    for channel in still_channels(scaling):
        text = (
            f"{_called(channel, names)} never changes in the recordings for training: it tells no "
            "class from another, and a board that reads another value sees an extreme; leave it "
            "out, or give data.windows.limits."
        )
        yield Notice(kind="still_channel", text=text)


def _called(channel: int, names: Sequence[str] | None) -> str:
    return f"Channel {channel} ({names[channel]})" if names else f"Channel {channel}"


def _times(recordings: Sequence[Labelled]) -> list[int]:
    """Channels that rise in each recording and fall in none."""
    rising = [
        (np.diff(each.series) >= 0).all(axis=1) & (each.series[:, -1] > each.series[:, 0])
        for each in recordings
    ]
    return np.flatnonzero(np.all(rising, axis=0)).tolist()


def _description(data: GroupedModule) -> str:
    return (
        f"windows of {data.width} moments of {data.channels} sensor channels, of "
        f"{data.num_classes} classes: {', '.join(data.classes[:20])}"
    )
