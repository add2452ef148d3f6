"""Recordings of sensors as windows of channels x time: folders of CSV and NPY, or .ts archives."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from lmanet.data.groups import GroupedImages, Recordings
from lmanet.data.module import user_path
from lmanet.data.recorded import GroupedModule, RecordedModule
from lmanet.data.recording_folder import Recording
from lmanet.data.signal_file import SUFFIXES, read_signal, read_ts
from lmanet.data.split import Split
from lmanet.data.windows import Labelled, Windows, scaling_of, sensing_of, windowed
from lmanet.errors import ConfigError, DataError
from lmanet.network.images import Scaling
from lmanet.steps import Sensing

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
        self.columns = None if columns is None else tuple(columns)
        self._scaling: Scaling | None = None
        first = self.folder.part("train")[0].path
        self.channels = len(read_signal(first, self.columns))
        self.height, self.width = 1, self.windows.length
        self.description = _description(self)

    @property
    def scaling(self) -> Scaling:
        """Values -> bytes; the firmware does the same."""
        if self._scaling is None:
            self._scaling = scaling_of(self._labelled(self._shared(0)), self.windows)
        return self._scaling

    def sensing(self) -> Sensing:
        return sensing_of(self.windows, self.scaling)

    def read(self, recordings: Sequence[Recording]) -> GroupedImages:
        return windowed(self._labelled(recordings), self.windows, self.scaling)

    def _labelled(self, recordings: Sequence[Recording]) -> list[Labelled]:
        return [
            Labelled(read_signal(each.path, self.columns), each.label, each.group, str(each.path))
            for each in recordings
        ]


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

    def sensing(self) -> Sensing:
        return sensing_of(self.windows, self.scaling)

    def require_part(self, part: str) -> None:
        file = self._file("TRAIN" if part == "fit" else "TEST")
        if not file.is_file():
            raise DataError(f"there is no {file}; download it, or correct data.root")

    def read_train(self) -> GroupedImages:
        return windowed(self._labelled("TRAIN"), self.windows, self.scaling)

    def read_test(self) -> GroupedImages:
        return windowed(self._labelled("TEST"), self.windows, self.scaling)

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
    return Path(spec.origin).parent / "datasets" / "data" / name


def _description(data: GroupedModule) -> str:
    return (
        f"windows of {data.width} moments of {data.channels} sensor channels, of "
        f"{data.num_classes} classes: {', '.join(data.classes[:20])}"
    )
