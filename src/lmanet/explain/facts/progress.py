"""How a search grew: hypervolume and best accuracy after each trial that changed them."""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.run.records import Trial
from lmanet.steps import Pareto


class Step(NamedTuple):
    """The state of a search from one trial on.

    Attributes:
        ended: trials by then, of any status.
        best: validation accuracy; None before the first network within the limits.
        words: which network brought it.
    """

    ended: int
    seconds: float
    hypervolume: float
    best: float | None
    words: str


def progress(trials: Sequence[Trial], pareto: Pareto) -> list[Step]:
    """The start, each trial that changed the hypervolume or the best accuracy, in the order in
    which they ended, and the end.
    """
    steps = [Step(0, 0.0, 0.0, None, "the start")]
    front: list[Trial] = []
    for ended, trial in enumerate(trials, start=1):
        if not (trial.eligible and trial.score):
            continue
        front = pareto.front([*front, trial])
        joined = any(other.number == trial.number for other in front)
        # What is dominated adds no volume.
        volume = pareto.hypervolume(front) if joined else steps[-1].hypervolume
        now = (volume, max(trial.score.val_accuracy, steps[-1].best or 0.0))
        if now != (steps[-1].hypervolume, steps[-1].best):
            steps.append(
                Step(ended, trial.elapsed_seconds, *now, f"candidate {trial.number}, {trial.id}")
            )
    last = steps[-1]
    return [
        *steps,
        Step(len(trials), trials[-1].elapsed_seconds, last.hypervolume, last.best, "the end"),
    ]
