"""What a run had found after each trial, over evaluations, training time, tokens and proposals;
medians over seeds.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.explain.compare.runs import SearchRun
from lmanet.run.records import Status, Trial
from lmanet.steps import Pareto

Axis = Literal["evaluations", "seconds", "tokens", "proposals"]
Measure = Literal["hypervolume", "accuracy"]
Floats = NDArray[np.float64]
MEASURES: tuple[Measure, ...] = ("hypervolume", "accuracy")
CHECKPOINTS = (10, 25, 50, 100)
POINTS = 300  # of a curve over an axis that has no natural steps


class Progress(NamedTuple):
    """One entry a trial of any status, all cumulated.

    Attributes:
        evaluations: networks trained.
        seconds: of their training; simulated where a table stands in for it.
        tokens: prompt and completion tokens.
        proposals: asked for.
        accuracy: the best on validation images, share of 1; 0 before there is a network within the
            limits, as the hypervolume is.
        hypervolume: share of 1.
    """

    evaluations: Floats
    seconds: Floats
    tokens: Floats
    proposals: Floats
    accuracy: Floats
    hypervolume: Floats

    def after(self, evaluations: int) -> int:
        """Place of the trial that was the so many-th to be trained."""
        return int(np.searchsorted(self.evaluations, evaluations))

    def at(self, axis: Axis, places: Floats, measure: Measure) -> Floats:
        """The measure at places of an axis; 0 before the first trial had ended."""
        ended: NDArray[np.int_] = np.searchsorted(getattr(self, axis), places, side="right")
        return np.concatenate([[0.0], getattr(self, measure)])[ended]


class Band(NamedTuple):
    """Quartiles over the seeds of a searcher at places of an axis."""

    places: Floats
    lower: Floats
    median: Floats
    upper: Floats


def progress(run: SearchRun, pareto: Pareto) -> Progress:
    """Follow one run."""
    usages = [trial.proposal.usage for trial in run.trials]
    accuracy, hypervolume = [], []
    best, volume, eligible = 0.0, 0.0, list[Trial]()
    for trial in run.trials:
        if trial.eligible and trial.score:
            eligible.append(trial)
            best, volume = max(best, trial.score.val_accuracy), pareto.hypervolume(eligible)
        accuracy.append(best)
        hypervolume.append(volume)
    return Progress(
        evaluations=np.cumsum([float(trial.status is Status.TRAINED) for trial in run.trials]),
        seconds=np.cumsum([trial.score.seconds if trial.score else 0.0 for trial in run.trials]),
        tokens=np.cumsum([float(usage.tokens) for usage in usages]),
        proposals=np.arange(1.0, len(run.trials) + 1),
        accuracy=np.array(accuracy),
        hypervolume=np.array(hypervolume),
    )


def band(runs: Sequence[Progress], axis: Axis, measure: Measure) -> Band | None:
    """Quartiles as far as every run goes; None where an axis does not move, as tokens do not where
    no model is asked.
    """
    end = min(getattr(run, axis)[-1] for run in runs)
    if end <= 0:
        return None
    counted = axis in ("evaluations", "proposals")
    places = np.arange(1.0, end + 1) if counted else np.linspace(0, end, POINTS)
    values = np.array([run.at(axis, places, measure) for run in runs])
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return Band(places, lower, median, upper)
