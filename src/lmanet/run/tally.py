"""Tally: what a search has done so far, counted from its trials, and how much of its budget is
left.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from lmanet.run.brief import Budget
from lmanet.run.records import Status, Trial


class Tally:
    """Counts over the trials of one search.

    Args:
        budget: of the whole run, ``trials`` included.
        trials: made before this start; they count, but not as pace.
        clock: seconds, rising.
    """

    def __init__(
        self,
        budget: Budget,
        trials: Sequence[Trial] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget
        self.clock = clock
        self.seconds_before = max((trial.elapsed_seconds for trial in trials), default=0.0)
        self.started = clock()
        self.statuses: Counter[Status] = Counter()
        self.tokens = 0
        self._ended_seconds = 0.0
        self.epochs = 0
        self.best_accuracy: float | None = None
        self._paused: dict[int, Trial] = {}
        for trial in trials:
            self.add(trial)
        self.before = self._used()

    def add(self, trial: Trial) -> None:
        """Count one trial, in place of what was counted when it paused."""
        if before := self._paused.pop(trial.number, None):
            self._count(before, -1)
        if trial.status is Status.PAUSED:
            self._paused[trial.number] = trial
        else:
            self._ended_seconds += _seconds(trial)
        self._count(trial, 1)
        if trial.score and trial.eligible:
            self.best_accuracy = max(trial.score.val_accuracy, self.best_accuracy or 0.0)

    def _count(self, trial: Trial, times: int) -> None:
        self.statuses[trial.status] += times
        self.tokens += times * trial.proposal.usage.tokens
        self.epochs += times * trial.epochs

    @property
    def training_seconds(self) -> float:
        """Of all trainings; nothing is subtracted, so that a resumed run has the same sum."""
        return self._ended_seconds + sum(map(_seconds, self._paused.values()))

    @property
    def elapsed_seconds(self) -> float:
        """Of searching, over all parts of a resumed run."""
        return self.seconds_before + self.clock() - self.started

    @property
    def share_done(self) -> float:
        """Of the ceiling that is nearest, 0 to 1."""
        used = self._used()
        return min(
            1.0, max((used[name] / limit for name, limit in self._limits().items()), default=0.0)
        )

    @property
    def seconds_left(self) -> float | None:
        """Until the first ceiling at the pace since this start; None before there is a pace."""
        used, gone = self._used(), self.clock() - self.started
        paces = {name: (used[name] - self.before[name]) / gone for name in used if gone > 0}
        return min(
            (
                max(limit - used[name], 0.0) / paces[name]
                for name, limit in self._limits().items()
                if paces.get(name)
            ),
            default=None,
        )

    def _used(self) -> dict[str, float]:
        return {
            "proposals": self.statuses.total(),
            "trained": self.statuses[Status.TRAINED],
            "seconds": self.elapsed_seconds,
            "tokens": self.tokens,
            "training_seconds": self.training_seconds,
            "epochs": self.epochs,
        }

    def _limits(self) -> dict[str, float]:
        limits = self.budget.model_dump()
        return {name: float(limit) for name, limit in limits.items() if limit is not None}


def _seconds(trial: Trial) -> float:
    return trial.score.seconds if trial.score else 0.0
