"""Tally: what a search has done so far, counted from its trials, and how much of its budget is left."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from lmanet.records import Status, Trial


class Budget(Protocol):
    """The ceilings of a search; None means that there is no such ceiling."""

    @property
    def proposals(self) -> int | None:
        """Most trials of any status."""

    @property
    def trained(self) -> int | None:
        """Most trained networks."""

    @property
    def seconds(self) -> float | None:
        """Most seconds from the start of the search."""

    @property
    def tokens(self) -> int | None:
        """Most tokens, prompts and replies together."""


class Tally:
    """Counts over the trials of one search.

    Args:
        budget: of the whole run, ``trials`` included; only its ``seconds`` count from now.
        trials: made before this start; they count, but not as pace.
        clock: seconds, rising.
    """

    def __init__(self, budget: Budget, trials: Sequence[Trial] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self.clock = clock
        self.started = clock()
        self.statuses: Counter[Status] = Counter()
        self.tokens = 0
        self.best: Trial | None = None
        for trial in trials:
            self.add(trial)
        self.before = self._used()

    def add(self, trial: Trial) -> None:
        """Count one trial."""
        usage = trial.proposal.usage
        self.statuses[trial.status] += 1
        self.tokens += usage.prompt_tokens + usage.completion_tokens
        if trial.score and trial.eligible and (self.best is None or trial.score.val_accuracy > _accuracy(self.best)):
            self.best = trial

    @property
    def elapsed_seconds(self) -> float:
        """Since the start of this process's search."""
        return self.clock() - self.started

    @property
    def share_done(self) -> float:
        """Of the ceiling that is nearest, 0 to 1."""
        used = self._used()
        return min(1.0, max((used[name] / limit for name, limit in self._limits().items()), default=0.0))

    @property
    def seconds_left(self) -> float | None:
        """Until the first ceiling at the pace so far; None before there is a pace."""
        used = self._used()
        estimates = []
        for name, limit in self._limits().items():
            if (done := used[name] - self.before[name]) > 0:
                estimates.append(max(limit - used[name], 0.0) * self.elapsed_seconds / done)
        return min(estimates, default=None)

    def _used(self) -> dict[str, float]:
        return {
            "proposals": self.statuses.total(),
            "trained": self.statuses[Status.TRAINED],
            "seconds": self.elapsed_seconds,
            "tokens": self.tokens,
        }

    def _limits(self) -> dict[str, float]:
        limits = {
            "proposals": self.budget.proposals,
            "trained": self.budget.trained,
            "seconds": self.budget.seconds,
            "tokens": self.budget.tokens,
        }
        return {name: float(limit) for name, limit in limits.items() if limit}


def _accuracy(trial: Trial) -> float:
    return trial.score.val_accuracy if trial.score else 0.0
