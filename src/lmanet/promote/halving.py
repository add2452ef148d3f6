"""Halving: candidates pause after a few epochs, and the best of them train on, rung by rung."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Literal, get_args

from lmanet.errors import ConfigError
from lmanet.promote.order import aggregate, best_first
from lmanet.run.brief import Brief
from lmanet.run.records import Status, Trial
from lmanet.steps import Promoted

Measure = Literal["train_loss", "val_loss", "val_accuracy"]


class Halving:
    """Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934) for several objectives.

    A candidate paused at a rung goes on once it is among the best ``keep`` of all that have reached
    the rung. The highest rung comes first. Nothing waits, so a search may end at any time.
    `best_first` ranks by the training so far and by the costs among the objectives. The costs are
    exact, so every niche of cost promotes its own candidates.

    Args:
        rungs: epochs after which a candidate pauses; after the last it is trained to the end of the
            recipe.
        keep: share promoted from a rung, above 0 and below 1; at least one is, so that the first
            candidate is trained to the end at once.
        rank_by: ``train_loss``, ``val_loss`` or ``val_accuracy`` of the rung's epoch.
        screen: zero-cost proxies by which a candidate is ranked before any training, as a rung of 0
            epochs; none is no such rung.

    Raises:
        ConfigError: a setting is not legal.
    """

    def __init__(
        self,
        brief: Brief,
        rungs: Sequence[int],
        keep: float,
        rank_by: Measure = "train_loss",
        screen: Sequence[str] = (),
    ) -> None:
        where = "(conf/promote/halving.yaml)"
        if not rungs or rungs[0] < 1 or any(after <= before for before, after in pairwise(rungs)):
            raise ConfigError(
                f"promote.rungs={list(rungs)}: give epochs that rise, the first at least 1 {where}"
            )
        if not 0 < keep < 1:
            raise ConfigError(
                f"promote.keep={keep}: the share that goes on lies above 0 and below 1 {where}"
            )
        if rank_by not in get_args(Measure):
            raise ConfigError(
                f"promote.rank_by={rank_by!r} is unknown; legal are {', '.join(get_args(Measure))} "
                f"{where}"
            )
        self.goals = brief.objectives
        self.rungs = (0, *rungs) if screen else tuple(rungs)
        self.keep = keep
        self.rank_by = rank_by
        self.screen = tuple(screen)

    @property
    def first(self) -> int:
        """Epochs of a new candidate."""
        return self.rungs[0]

    def next(self, trials: Sequence[Trial], training: Collection[int]) -> Promoted | None:
        for rung, epochs in reversed(list(zip(self.rungs, (*self.rungs[1:], None), strict=True))):
            arrived = [trial for trial in trials if _reached(trial, rung)]
            order = best_first(self._points(arrived, rung))
            for place in order[: max(1, int(len(arrived) * self.keep))]:
                trial = arrived[place]
                if (
                    trial.status is Status.PAUSED
                    and trial.epochs == rung
                    and trial.number not in training
                ):
                    return Promoted(trial.number, epochs)
        return None

    def _points(self, arrived: Sequence[Trial], rung: int) -> list[list[float]]:
        """The measure and the costs of each, the smaller the better."""
        measures = (
            [self._measure(trial, rung) for trial in arrived] if rung else self._screened(arrived)
        )
        return [
            [measure, *self._costs(trial)] for measure, trial in zip(measures, arrived, strict=True)
        ]

    def _measure(self, trial: Trial, rung: int) -> float:
        assert trial.score is not None
        value = float(getattr(trial.score.curve[rung - 1], self.rank_by))
        return -value if self.rank_by == "val_accuracy" else value

    def _screened(self, arrived: Sequence[Trial]) -> list[float]:
        given = [trial.zero_cost or {} for trial in arrived]
        if missing := sorted(
            {name for values in given for name in self.screen if name not in values}
        ):
            raise ConfigError(
                f"promote.screen names {', '.join(missing)}, which the trainer has not measured "
                f"(it has {', '.join(sorted(given[0]))}); correct conf/promote/halving.yaml or the "
                "proxies in conf/train"
            )
        return [
            -value
            for value in aggregate(
                [{name: values[name] for name in self.screen} for values in given]
            )
        ]

    def _costs(self, trial: Trial) -> list[float]:
        cost = trial.verdict.cost if trial.verdict else None
        known = cost.quantities() if cost else {}
        goals = [goal for goal in self.goals if goal.name in known]
        return [known[goal.name] * (-1 if goal.maximise else 1) for goal in goals]


def _reached(trial: Trial, rung: int) -> bool:
    """Whether a candidate that may enter the front was trained for at least so many epochs, or
    measured at rung 0.
    """
    if trial.verdict is None or not trial.verdict.feasible:
        return False
    return trial.zero_cost is not None if rung == 0 else trial.epochs >= rung
