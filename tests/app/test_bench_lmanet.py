"""The bench on our own table as it is run: what is accepted has been trained."""

from collections import Counter

import endpoint_server as double
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


def test_a_search_says_where_the_model_steers_by_one_arm_always(typed, tmp_path):
    server = double.EndpointServer()
    server.acts += [double.choose] * 5
    steered = ("propose.strategy.roles=[steer]", "propose.team.steer={every:1,read:spoken}")
    try:
        ended = typed(
            "+experiment=bench_lmanet",
            "propose=llm",
            "propose.model=m",
            f"propose.server.base_url={server.base_url}",
            "propose.team.strategist.every=0",
            *steered,
            "random_start=4",
            "budget={proposals:9,trained:null,seconds:null}",
            "hydra.run.dir=run",
        )
    finally:
        server.close()
    (arm,) = {t.proposal.arm for t in History(RunFolder(tmp_path / "run")).trials[4:]}
    assert ended.code == 0 and f'the model chose "{arm}" all 5 times' in ended.output + ended.error
