"""Which choices of the space the accuracy depends on, by functional ANOVA over the trained networks
of a run.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmanet.run.records import Status, Trial
from lmanet.space import SearchSpace, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

LEAST_TRIALS = 20
SEEDS = 5
# Networks of one forest, whose time grows faster than their number.
MOST_NETWORKS = 256


class Importance(NamedTuple):
    """Of one choice.

    Attributes:
        share: of the variance of the validation accuracy, as the mean over forests with different
            seeds; of many networks each forest sees others.
        spread: standard deviation over these.
    """

    parameter: str
    share: float
    spread: float


def importances(trials: Sequence[Trial], space: SearchSpace) -> list[Importance]:
    """Choices that all trained networks have, the most important first (Hutter et al. 2014, by
    Optuna's random forests).

    None where fewer than `LEAST_TRIALS` networks were trained, or where all have one accuracy.
    """
    known = [
        (space.flatten(trial.architecture), trial.score.val_accuracy)
        for trial in trials
        if trial.status is Status.TRAINED
        and trial.score
        and trial.architecture
        and space.contains(trial.architecture)
    ]
    if len(known) < LEAST_TRIALS or len({accuracy for _, accuracy in known}) == 1:
        return []
    import optuna  # with scikit-learn, which takes a second to import

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    choices = space.choices()
    frozen = [_as_known(values, accuracy, choices) for values, accuracy in known]
    drawn = [_forest(frozen, seed) for seed in range(SEEDS)]
    rows = [Importance(name, *_mean_and_spread([one[name] for one in drawn])) for name in drawn[0]]
    return sorted(rows, key=lambda row: -row.share)


def _forest(known: "Sequence[FrozenTrial]", seed: int) -> dict[str, float]:
    """Choice -> share by one forest, over a sample where there are many networks."""
    import optuna
    from optuna.importance import FanovaImportanceEvaluator

    if len(known) > MOST_NETWORKS:
        places = np.random.default_rng(seed).choice(len(known), MOST_NETWORKS, replace=False)
        known = [known[int(place)] for place in sorted(places)]
    study = optuna.create_study()
    study.add_trials(known)
    return FanovaImportanceEvaluator(seed=seed).evaluate(study)


def _as_known(
    values: Mapping[str, Value], accuracy: float, legal: Mapping[str, tuple[Value, ...]]
) -> "FrozenTrial":
    """A trial of Optuna; numbers by their rank, as the time for a category with many values doubles
    with each of them.
    """
    from optuna.distributions import CategoricalDistribution, IntDistribution
    from optuna.trial import create_trial

    params: dict[str, Value] = dict(values)
    distributions: dict[str, BaseDistribution] = {}
    for name, value in values.items():
        numbers = [
            legal_value for legal_value in legal[name] if not isinstance(legal_value, bool | str)
        ]
        if numbers:
            params[name] = sorted(numbers).index(float(value))
        distributions[name] = (
            IntDistribution(0, len(numbers) - 1)
            if numbers
            else CategoricalDistribution(legal[name])
        )
    return create_trial(value=accuracy, params=params, distributions=distributions)


def _mean_and_spread(shares: list[float]) -> tuple[float, float]:
    return float(np.mean(shares)), float(np.std(shares))
