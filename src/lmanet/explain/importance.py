"""Which choices of the space the accuracy depends on, by functional ANOVA over the trained networks of a run."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import FanovaImportanceEvaluator

from lmanet.records import Trial
from lmanet.space import AnySpace

LEAST_TRIALS = 20
SEEDS = 5


class Importance(NamedTuple):
    """Of one choice.

    Attributes:
        share: of the variance of the validation accuracy, as the mean over forests with different seeds.
        spread: standard deviation over these.
    """

    parameter: str
    share: float
    spread: float


def importances(trials: Sequence[Trial], space: AnySpace) -> list[Importance]:
    """Choices that all trained networks have, the most important first (Hutter et al. 2014, by Optuna's random forests).

    None where fewer than `LEAST_TRIALS` networks were trained, or where all have one accuracy.
    """
    known = [
        (space.flatten(trial.architecture), trial.score.val_accuracy)
        for trial in trials
        if trial.score and trial.architecture and space.contains(trial.architecture)
    ]
    if len(known) < LEAST_TRIALS or len({accuracy for _, accuracy in known}) == 1:
        return []
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    legal = {name: CategoricalDistribution(values) for name, values in space.choices().items()}
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(value=accuracy, params=values, distributions={name: legal[name] for name in values})
        for values, accuracy in known
    )
    drawn = [FanovaImportanceEvaluator(seed=seed).evaluate(study) for seed in range(SEEDS)]
    rows = [Importance(name, *_mean_and_spread([one[name] for one in drawn])) for name in drawn[0]]
    return sorted(rows, key=lambda row: -row.share)


def _mean_and_spread(shares: list[float]) -> tuple[float, float]:
    return float(np.mean(shares)), float(np.std(shares))
