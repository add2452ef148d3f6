"""The run's memory: ``history.jsonl``, one line a trial, append-only, safe against a crash at any moment."""

import json
import os
from pathlib import Path

from pydantic import ValidationError

from lmanet.errors import HistoryError
from lmanet.records import Front, Trial
from lmanet.space import explain_validation

HISTORY = "history.jsonl"


class History:
    """The trials of a run, in memory and in its folder.

    A line is on the disk before `append` returns. A last line without its newline is what a crash leaves behind: it was
    never acknowledged, so it is moved to ``history.torn`` and its trial is made again.

    Raises:
        HistoryError: a whole line cannot be read, or two lines bear one number; the file is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self.front_path = folder / "front.json"
        self.trials: list[Trial] = []
        self._numbers: set[int] = set()
        if self.path.exists():
            self._mend()
            # not splitlines(): a model's reply may hold U+2028, which JSON leaves as it is
            for number, line in enumerate(self.path.read_bytes().split(b"\n")[:-1], start=1):
                self._remember(self._parse(line, number))

    def append(self, trial: Trial) -> None:
        """Write one trial and force it to the disk."""
        self._remember(trial)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(trial.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def write_front(self, front: Front) -> None:
        """Replace ``front.json``; a crash leaves the old one or the new one."""
        partial = self.front_path.with_suffix(".partial")
        partial.write_text(front.model_dump_json(indent=1) + "\n", encoding="utf-8")
        partial.replace(self.front_path)

    def free_numbers(self, taken: set[int], count: int) -> list[int]:
        """The ``count`` smallest numbers that no trial bears and that are not ``taken``.

        A number lost in a crash comes first, so that a resumed run makes the same trials as one that was never stopped.
        """
        free: list[int] = []
        number = 0
        while len(free) < count:
            if number not in self._numbers and number not in taken:
                free.append(number)
            number += 1
        return free

    def _remember(self, trial: Trial) -> None:
        if trial.number in self._numbers:
            raise HistoryError(f"{self.path}: trial {trial.number} stands there twice; keep one of the two lines")
        self._numbers.add(trial.number)
        self.trials.append(trial)

    def _parse(self, line: bytes, number: int) -> Trial:
        try:
            return Trial.model_validate_json(line)
        except ValidationError as error:
            raise HistoryError(
                f"{self.path}, line {number} is not a trial ({explain_validation(error, most=1)}); "
                "nothing was changed: correct or remove that line, then resume"
            ) from error

    def _mend(self) -> None:
        content = self.path.read_bytes()
        torn = content.rpartition(b"\n")[2]
        if not torn:
            return
        with self.path.with_suffix(".torn").open("ab") as file:
            file.write(torn + b"\n")
        with self.path.open("r+b") as file:
            file.truncate(len(content) - len(torn))


def remember_settings(folder: Path, settings: dict[str, object]) -> None:
    """Keep what trials of one history must share in ``settings.json``, and refuse to mix.

    Raises:
        HistoryError: the folder holds a search under other settings.
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
