"""The run's memory: ``history.jsonl``, one line a trial, append-only."""

import json
from collections.abc import Collection
from itertools import count
from pathlib import Path

from lmanet.errors import HistoryError
from lmanet.records import Front, Trial
from lmanet.runfiles import FRONT, HISTORY, append_record, read_records, write_record


class History:
    """The trials of a run, in memory and in its folder; a trial is on the disk before `append` returns.

    Attributes:
        ids: of all networks that were proposed.

    Raises:
        HistoryError: a line cannot be read, or two lines bear one number; the file is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self.front_path = folder / FRONT
        self.trials: list[Trial] = []
        self.ids: set[str] = set()
        self._numbers: set[int] = set()
        for trial in read_records(self.path, Trial):
            self._remember(trial)

    def append(self, trial: Trial) -> None:
        """Write one trial and force it to the disk."""
        self._remember(trial)
        append_record(self.path, trial)

    def write_front(self, front: Front) -> None:
        """Replace ``front.json``."""
        write_record(self.front_path, front)

    def free_number(self, taken: Collection[int]) -> int:
        """The smallest number that no trial bears and that is not ``taken``.

        A number lost in a crash comes first, so that a resumed run makes the same trials as one that was never stopped.
        """
        return next(number for number in count() if number not in self._numbers and number not in taken)

    def _remember(self, trial: Trial) -> None:
        if trial.number in self._numbers:
            raise HistoryError(f"{self.path}: trial {trial.number} stands there twice; keep one of the two lines")
        self._numbers.add(trial.number)
        self.trials.append(trial)
        if identity := trial.id:
            self.ids.add(identity)


def remember_settings(folder: Path, settings: dict[str, object]) -> None:
    """Keep what trials of one history must share in ``settings.json``, and refuse to mix.

    Raises:
        HistoryError: the folder holds trials under other settings.
    """
    path = folder / "settings.json"
    settings = json.loads(json.dumps(settings))
    if not path.exists() or not (folder / HISTORY).exists():
        path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    changed = sorted(key for key in settings.keys() | before.keys() if settings.get(key) != before.get(key))
    if changed:
        raise HistoryError(
            f"{folder} holds a search with another setting of {', '.join(changed)}; its trials cannot be compared with new ones: "
            "take the old setting, or start a new run without resume="
        )
