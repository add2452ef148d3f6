"""A history as a study: values, constraints and details of each trial; written anew, never twice
over.
"""

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from lmanet.run.brief import Goal
from lmanet.run.folder import RunFolder
from lmanet.run.records import Status
from lmanet.space import load_space
from lmanet.track import OptunaExport

SPACE = load_space("mcu", {"resolution": [32]})
GOALS = (Goal(name="val_accuracy", maximise=True), Goal(name="macs", maximise=False))


def load(folder: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(folder / "optuna_journal.log")))
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


@pytest.mark.parametrize("times", [1, 2])
def test_a_history_becomes_a_study(tmp_path: Path, make_trial, times: int) -> None:
    trials = [make_trial(i, status, 0.4 + i / 100) for i, status in enumerate(Status)]
    (tmp_path / "history.jsonl").write_text(
        "".join(trial.model_dump_json() + "\n" for trial in reversed(trials))
    )
    for _ in range(times):
        OptunaExport(SPACE, GOALS, {"macs": 1_000_000}).run(RunFolder(tmp_path))
    study = load(tmp_path)
    assert study.metric_names == ["val_accuracy", "macs"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    complete, pruned, failed = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
    assert [trial.state for trial in study.trials] == [
        complete,
        pruned,
        pruned,
        failed,
        failed,
        failed,
    ]
    first, _, rejected, unparsable = study.trials[:4]
    macs = trials[0].verdict.cost.macs
    assert first.values == [0.4, macs] and list(first.constraints.values()) == [macs / 1e6 - 1]
    assert first.params == SPACE.flatten(trials[0].architecture) and unparsable.params == {}
    assert first.user_attrs["id"] == trials[0].id and first.user_attrs["macs"] == macs
    assert (
        rejected.user_attrs["reason"] == "macs=9 exceeds 5"
        and unparsable.user_attrs["reason"] == "no JSON in the reply"
    )
    assert (first.datetime_complete - first.datetime_start).total_seconds() == 5
