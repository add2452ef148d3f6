"""The bench on our own table as it is run: what is accepted has been trained."""

from collections import Counter

import pytest

from lmanet.app import Run
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Status
from lmanet.train.lookup.table import load_table

pytestmark = pytest.mark.slow  # runs whole searches


def test_random_draws_are_looked_up(composed, tmp_path):
    Run(
        composed(
            "+experiment=bench_lmanet", "propose=random", "budget.trained=15", f"folder={tmp_path}"
        )
    ).start()
    trials = History(RunFolder(tmp_path)).trials
    status = Counter(trial.status for trial in trials)
    assert status[Status.TRAINED] == 15 and status[Status.TRAINED] + status[Status.REJECTED] == len(
        trials
    )
    assert 0.03 < 15 / len(trials) < 0.25, "uniform draws that keep the limits"
    seeds = Counter(entry.id for entry in load_table("lmanet_mini")[1])
    for trial in trials:
        if trial.score:
            assert trial.id in seeds and len(trial.score.curve) == 27
