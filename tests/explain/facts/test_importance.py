"""The choice that an accuracy is made of is found to be the important one."""

from collections.abc import Callable

import numpy as np
import pytest

from lmanet.explain.facts.importance import LEAST_TRIALS, importances
from lmanet.network import Architecture
from lmanet.run.records import Proposal, Score, Status, Trial
from lmanet.space import load_space

SPACE = load_space("mcu", {"resolution": [32], "num_stages": [2, 3], "stem": None, "head": None})


def trained(count: int, accuracy: Callable[[Architecture], float]) -> list[Trial]:
    drawn = [SPACE.sample(np.random.default_rng(number)) for number in range(count)]
    ended = {
        "status": Status.TRAINED,
        "seed": 0,
        "started_at": "",
        "seconds": 0,
        "elapsed_seconds": 0,
    }
    return [
        Trial(
            number=i,
            proposal=Proposal(proposer="", architecture=a),
            score=Score(val_accuracy=accuracy(a), seconds=0),
            **ended,
        )
        for i, a in enumerate(drawn)
    ]


@pytest.mark.slow
def test_the_largest_share_belongs_to_what_the_accuracy_follows() -> None:
    trials = trained(60, lambda a: 0.3 + 0.5 * a.stages[1].skip + 0.02 * len(a.stages))
    first, *others = importances(trials, SPACE)
    assert first.parameter == "stage2.skip" and first.share > 0.6
    assert sum(row.share for row in (first, *others)) < 1.01 and 0 < first.spread < 0.1
    assert "num_stages" in {row.parameter for row in others} and not any(
        row.parameter.startswith("stage3") for row in others
    )


@pytest.mark.slow
def test_paused_networks_do_not_compare() -> None:
    trials = trained(60, lambda a: 0.3 + 0.5 * a.stages[1].skip)
    paused = [trial.model_copy(update={"status": Status.PAUSED}) for trial in trials[LEAST_TRIALS:]]
    assert (
        importances(trials[:LEAST_TRIALS] + paused, SPACE)
        == importances(trials[:LEAST_TRIALS], SPACE)
        != []
    )


def test_too_few_networks_or_nothing_to_explain() -> None:
    assert (
        importances(trained(LEAST_TRIALS - 1, lambda a: 0.3 + 0.5 * a.stages[1].skip), SPACE) == []
    )
    assert importances(trained(30, lambda a: 0.5), SPACE) == []
