"""OptunaExport: a run's history -> a study that optuna-dashboard opens."""

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from lmanet.files import replaced
from lmanet.run.brief import Goal
from lmanet.run.folder import OPTUNA_JOURNAL, RunFolder
from lmanet.run.quantities import known_of, quantity
from lmanet.run.records import Status, Trial
from lmanet.space import SearchSpace

# all others failed
STATES = {
    Status.TRAINED: TrialState.COMPLETE,
    Status.REJECTED: TrialState.PRUNED,
    Status.PAUSED: TrialState.PRUNED,
}


class OptunaExport:
    """Writes ``optuna_journal.log`` anew from the history; it can be run again at any time.

    A trained trial is complete, one that the validator refused or that is paused is pruned, as it
    has no value that compares, and any other has failed. What exceeds a limit is infeasible to
    Optuna too: each limit is a constraint, given / limit - 1.

    Args:
        objectives, limits: of the run.
    """

    def __init__(
        self, space: SearchSpace, objectives: Sequence[Goal], limits: Mapping[str, int]
    ) -> None:
        self.space = space
        self.objectives = tuple(objectives)
        self.limits = limits
        self._distributions = {
            name: CategoricalDistribution(legal) for name, legal in space.choices().items()
        }

    def run(self, folder: RunFolder) -> None:
        """Read the history in ``folder`` and write the journal into it."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with replaced(folder.path / OPTUNA_JOURNAL) as partial:
            self._write(folder, partial)

    def _write(self, folder: RunFolder, journal: Path) -> None:
        study = optuna.create_study(
            study_name=folder.path.resolve().name,
            storage=JournalStorage(JournalFileBackend(str(journal))),
            directions=[
                StudyDirection.MAXIMIZE if goal.maximise else StudyDirection.MINIMIZE
                for goal in self.objectives
            ],
        )
        with (
            warnings.catch_warnings()
        ):  # names of the axes; without them the dashboard numbers the objectives
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([goal.name for goal in self.objectives])
        trials = sorted(folder.trials(), key=lambda trial: trial.number)
        study.add_trials(self._frozen(trial) for trial in trials)

    def _frozen(self, trial: Trial) -> FrozenTrial:
        state = STATES.get(trial.status, TrialState.FAIL)
        params = (
            self.space.flatten(trial.architecture)
            if trial.architecture and self.space.contains(trial.architecture)
            else {}
        )
        cost = trial.verdict and trial.verdict.cost
        frozen = create_trial(
            state=state,
            values=[_value(goal, trial) for goal in self.objectives]
            if state is TrialState.COMPLETE
            else None,
            params=params,
            distributions={name: self._distributions[name] for name in params},
            user_attrs=_details(trial),
            # the key of Optuna before 5, which the dashboard and Optuna 5 both read
            system_attrs={
                "constraints": [
                    cost.quantities()[name] / limit - 1 for name, limit in self.limits.items()
                ]
            }
            if cost
            else {},
        )
        # Optuna keeps local times
        frozen.datetime_start = (
            datetime.fromisoformat(trial.started_at).astimezone().replace(tzinfo=None)
        )
        frozen.datetime_complete = frozen.datetime_start + timedelta(seconds=trial.seconds)
        return frozen


def _value(goal: Goal, trial: Trial) -> float:
    value = trial.value(quantity(goal.name))
    assert value is not None, goal.name
    return float(value)


def _details(trial: Trial) -> dict[str, Any]:
    """What the dashboard shows beside the parameters."""
    details: dict[str, Any] = {
        "number": trial.number,
        "status": trial.status.value,
        "id": trial.id,
        "proposer": trial.proposal.proposer,
    }
    cost = trial.verdict and trial.verdict.cost
    details |= {each.name: value for each, value in known_of(cost)}
    reasons = [violation.hint for violation in trial.verdict.violations] if trial.verdict else []
    return details | {
        "reason": "; ".join(filter(None, [trial.error or trial.proposal.error, *reasons]))
    }
