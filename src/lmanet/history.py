"""The run's memory: ``history.jsonl``, append-only, one line each time that a trial ends or pauses."""

import json
import shutil
from collections.abc import Collection, Mapping
from itertools import count
from pathlib import Path

from lmanet.errors import HistoryError
from lmanet.records import Front, Status, Trial
from lmanet.runfiles import FRONT, HISTORY, append_record, read_records, write_record

# Settings of a training that came later, and what a run without them did: so it can go on as it began.
ADDED = {"mini.recipe.batch_norm_images": 0}
MOST_SHOWN = 3


class History:
    """The trials of a run, in memory and in its folder; a trial is on the disk before `append` returns.

    A paused trial that went on has several lines, of which the last counts.

    Attributes:
        checkpoints: folder of the paused trainings, a folder each.
        ids: of all networks that were proposed.

    Raises:
        HistoryError: a line cannot be read, or two lines bear the number of one that had ended; the file is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self.front_path = folder / FRONT
        self.checkpoints = folder / "paused"
        self.ids: set[str] = set()
        self._trials: dict[int, Trial] = {}
        for trial in read_records(self.path, Trial):
            self._remember(trial)

    @property
    def trials(self) -> list[Trial]:
        """One a number, in the order of their last lines."""
        return list(self._trials.values())

    def append(self, trial: Trial) -> None:
        """Write one trial and force it to the disk."""
        self._remember(trial)
        append_record(self.path, trial)

    def write_front(self, front: Front) -> None:
        """Replace ``front.json``."""
        write_record(self.front_path, front)

    def trial(self, number: int) -> Trial | None:
        """The one that bears a number."""
        return self._trials.get(number)

    def checkpoint(self, number: int) -> Path:
        """The folder in which a trial's training is kept while it is paused."""
        return self.checkpoints / str(number)

    def drop_checkpoints(self) -> None:
        """Remove all but those of paused trials; another network may yet bear the number of one that a crash cut short."""
        paused = {self.checkpoint(trial.number) for trial in self.trials if trial.status is Status.PAUSED}
        for path in set(self.checkpoints.glob("*")) - paused:
            shutil.rmtree(path)

    def free_number(self, taken: Collection[int]) -> int:
        """The smallest number that no trial bears and that is not ``taken``.

        A number lost in a crash comes first, so that a resumed run makes the same trials as one that was never stopped.
        """
        return next(number for number in count() if number not in self._trials and number not in taken)

    def _remember(self, trial: Trial) -> None:
        before = self._trials.pop(trial.number, None)
        if before and before.status is not Status.PAUSED:
            self._trials[trial.number] = before
            raise HistoryError(f"{self.path}: trial {trial.number} stands there twice; keep one of the two lines")
        self._trials[trial.number] = trial
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
    now, before = _flat(settings), _flat(json.loads(path.read_text(encoding="utf-8")))
    if "mini.recipe.epochs" in before:
        before = ADDED | before
    if changed := sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key)):
        shown = ", ".join(f"{_option(key)} ({_short(before.get(key))} before, {_short(now.get(key))} now)" for key in changed[:MOST_SHOWN])
        more = f" and {len(changed) - MOST_SHOWN} more" if len(changed) > MOST_SHOWN else ""
        raise HistoryError(
            f"{folder} holds a search with another setting of {shown}{more}; its trials cannot be compared with new ones: "
            "take the old setting, or start a new run without resume="
        )


def _flat(settings: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Nested settings -> dotted name: value."""
    flat: dict[str, object] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) and value else {f"{above}{name}": value}
    return flat


def _option(name: str) -> str:
    """Where a setting stands in the configuration."""
    return f"train.{name}" if name.startswith("mini.") else name


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
