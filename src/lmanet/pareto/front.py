"""ParetoFront: the trials that no other trial beats in every objective, and their hypervolume."""

from collections.abc import Mapping, Sequence
from typing import Any

import moocore
import numpy as np

from lmanet.errors import ConfigError
from lmanet.pareto.objective import Objective, parse_objective
from lmanet.run.quantities import quantity, ranking_quantity
from lmanet.run.records import Trial


class ParetoFront:
    """Front and hypervolume over named objectives; neither depends on the order of the trials.

    Args:
        objectives: quantity -> ``direction`` (``max`` or ``min``), ``unit``, ``reference`` (worst;
            ``limit`` means the target's limit of the quantity) and ``ideal`` (best).
        limits: quantity -> the most that the target allows.

    Raises:
        ConfigError: an objective is unknown or contradicts itself, or there is none.
    """

    def __init__(
        self, objectives: Mapping[str, Mapping[str, Any]], limits: Mapping[str, int]
    ) -> None:
        if not objectives:
            raise ConfigError("pareto.objectives is empty; name at least one in conf/pareto")
        self.objectives: tuple[Objective, ...] = tuple(
            parse_objective(name, spec, limits) for name, spec in objectives.items()
        )

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """Non-dominated eligible trials, the most accurate first, by the accuracy that is among the
        objectives; of equal values the earliest trial stands for all.
        """
        distinct: dict[tuple[float, ...], Trial] = {}
        for trial in sorted(_eligible(trials), key=lambda trial: trial.number):
            distinct.setdefault(self.values(trial), trial)
        if not distinct:
            return []
        maximise = [objective.maximise for objective in self.objectives]
        kept = moocore.is_nondominated(np.array(list(distinct)), maximise=maximise)
        best = [trial for trial, keep in zip(distinct.values(), kept, strict=True) if keep]
        return sorted(best, key=lambda trial: (-self._accuracy(trial), trial.number))

    def hypervolume(self, trials: Sequence[Trial]) -> float:
        """Share, 0 to 1, of the box between reference and ideal that the
        eligible trials dominate.
        """
        points = [
            [objective.normalised(objective.value(trial)) for objective in self.objectives]
            for trial in _eligible(trials)
        ]
        return (
            float(moocore.hypervolume(np.array(points), ref=np.ones(len(self.objectives))))
            if points
            else 0.0
        )

    def values(self, trial: Trial) -> tuple[float, ...]:
        """The objectives of an eligible trial, each in its own unit."""
        return tuple(objective.value(trial) for objective in self.objectives)

    def _accuracy(self, trial: Trial) -> float:
        name = ranking_quantity([objective.name for objective in self.objectives])
        value = quantity(name).of(trial.score) if trial.score else None
        return value or 0.0


def _eligible(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.eligible]
