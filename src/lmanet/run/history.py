"""The run's memory: ``history.jsonl``, append-only, one line each time that a
trial ends or pauses.
"""

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path

from lmanet.command import command
from lmanet.errors import HistoryError
from lmanet.files import is_whole_zip
from lmanet.run.folder import RunFolder
from lmanet.run.growing import Trials
from lmanet.run.records import Front, Status, Trial

RECENT_PARENTS = 32  # at most some 130 MB, with 4 MB a network


class History:
    """The trials of a run, in memory and in its folder; a trial is on the disk before `append`
    returns.

    A paused trial that went on has several lines, of which the last counts.

    Attributes:
        checkpoints: folder of the paused trainings, a folder each.
        parents: folder of weights that edits may inherit, a file a trial; None where none are kept.
        ids: of all networks that were proposed.

    Raises:
        HistoryError: a line cannot be read, or two lines bear the number of one that had ended; the
            file is left as it is.
    """

    def __init__(self, run: RunFolder, inherit: bool = False) -> None:
        self.run = run
        self.checkpoints = run.path / "paused"
        self.parents = run.path / "parents" if inherit else None
        self.ids: dict[str, None] = {}
        self._trials: dict[int, Trial] = {}
        self._by_id: defaultdict[str | None, dict[int, Trial]] = defaultdict(dict)
        self._lines: list[Trial] = []
        self._full_below = 0  # a trial bears each number below
        for trial in run.history.read():
            self._refuse_second(trial)
            self._remember(trial)

    @property
    def trials(self) -> list[Trial]:
        """One a number, in the order of their last lines."""
        return list(self._trials.values())

    def now(self) -> Trials:
        """The same as they stand now; it costs the same however many there are."""
        return Trials(self._lines, len(self._lines), len(self._trials))

    def append(self, trial: Trial) -> None:
        """Write one trial and force it to the disk."""
        self._refuse_second(trial)
        self.run.history.append(trial)  # first, so that the front never has what no line has
        self._remember(trial)

    def write_front(self, front: Front) -> None:
        """Replace ``front.json``."""
        self.run.front.write(front)

    def trial(self, number: int) -> Trial | None:
        """The one that bears a number."""
        return self._trials.get(number)

    def checkpoint(self, number: int) -> Path:
        """The folder in which a trial's training is kept while it is paused."""
        return self.checkpoints / str(number)

    def weights(self, number: int | None) -> Path | None:
        """The file for a trial's weights, from which trainings of its edits start; None where none
        are kept.
        """
        return None if self.parents is None or number is None else self.parents / f"{number}.ckpt"

    def parent(self, identity: str | None) -> Trial | None:
        """The last trial of a network, if its weights are kept."""
        if identity not in self._by_id:
            return None
        for trial in reversed(self._by_id[identity].values()):
            weights = self.weights(trial.number)
            if weights and is_whole_zip(weights):
                return trial
        return None

    def keep_weights(self, wanted: Iterable[int | None]) -> None:
        """Remove the weights of all but the wanted trials and those that ended last."""
        if self.parents is None:
            return
        kept = {trial.number for trial in self.trials[-RECENT_PARENTS:]} | set(wanted)
        for path in set(self.parents.glob("*.ckpt")) - {self.weights(number) for number in kept}:
            path.unlink()

    def drop_checkpoints(self) -> None:
        """Remove all but those of paused trials; another network may yet bear the number of one
        that a crash cut short.
        """
        paused = {
            self.checkpoint(trial.number) for trial in self.trials if trial.status is Status.PAUSED
        }
        for path in set(self.checkpoints.glob("*")) - paused:
            shutil.rmtree(path)

    def free_number(self, taken: Collection[int]) -> int:
        """The smallest number that no trial bears and that is not ``taken``.

        A number lost in a crash comes first, so that a resumed run makes the same trials as one
        that was never stopped.
        """
        while self._full_below in self._trials:
            self._full_below += 1
        return next(
            number
            for number in count(self._full_below)
            if number not in self._trials and number not in taken
        )

    def _refuse_second(self, trial: Trial) -> None:
        before = self._trials.get(trial.number)
        if before and before.status is not Status.PAUSED:
            raise HistoryError(
                f"{self.run.history.path}: trial {trial.number} stands there twice, as two "
                f"processes wrote it; mend it: "
                f"{command(f'resume={self.run.path}', 'stages=[mend]')}"
            )

    def _remember(self, trial: Trial) -> None:
        self._trials.pop(trial.number, None)  # a paused one moves to the end
        self._trials[trial.number] = trial
        self._lines.append(trial)
        if identity := trial.id:
            self.ids[identity] = None
            self._by_id[identity].pop(trial.number, None)
            self._by_id[identity][trial.number] = trial
