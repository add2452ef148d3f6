"""What one change would do: counted by hand in a space of few choices."""

from dataclasses import replace

import pytest

from lmanet.explain.facts.contents import Setting
from lmanet.explain.facts.neighbours import Surroundings, surroundings
from lmanet.network import Architecture, Stage
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict
from lmanet.space import architecture_id, estimate_on, load_space

# One stage of one block without expansion: its stride, kernel and channels are all that there is to
# choose.
CHOICES = {
    "resolution": [32],
    "num_stages": [1, 2],
    "stem": None,
    "head": None,
    "stage": {
        "block": ["mbconv"],
        "channels": [8, 16],
        "kernel": [3, 5],
        "stride": [1, 2],
        "expansion": [1],
        "se_ratio": [0.0],
        "skip": [False],
        "activation": ["relu6"],
        "layers": [1],
    },
}
STAGE = Stage(
    block="mbconv",
    channels=8,
    kernel=3,
    stride=2,
    expansion=1,
    se_ratio=0.0,
    skip=False,
    activation="relu6",
    layers=1,
)
HERE = Architecture(resolution=32, stages=(STAGE,))


def around(setting: Setting, trials: list[Trial]) -> Surroundings:
    """Of the network here."""
    cost = estimate_on(HERE, setting.num_classes, setting.target.platform)
    return surroundings(HERE, cost, setting, trials)


@pytest.fixture
def setting(pareto, target) -> Setting:
    """In place of the whole space's."""
    return Setting(pareto, target, 10, load_space("mcu", CHOICES))


def trained(number: int, architecture: Architecture, accuracy: float) -> Trial:
    score = Score(
        val_accuracy=accuracy, val_macro_f1=accuracy, val_calibration_error=0.0, seconds=1.0
    )
    common = {
        "number": number,
        "seed": 0,
        "started_at": "",
        "seconds": 1.0,
        "elapsed_seconds": 1.0,
        "score": score,
    }
    proposal = Proposal(proposer="random", architecture=architecture)
    return Trial(status=Status.TRAINED, proposal=proposal, verdict=Verdict(accepted=True), **common)


def changed(**choice: int) -> Architecture:
    return Architecture(resolution=32, stages=(STAGE.model_copy(update=choice),))


def test_every_change_is_there_once_with_its_exact_cost(setting):
    found = around(setting, [])
    assert {row.change for row in found.rows} == {
        "stage1.channels=16",
        "stage1.kernel=5",
        "stage1.stride=1",
        "double stage 1",
    }
    wide = next(row for row in found.rows if row.change == "stage1.channels=16")
    # of 32x32x3, a depthwise 3x3 with stride 2 and a projection to 16 channels, then 10 classes
    assert wide.cost.macs == 16 * 16 * (3 * 9 + 3 * 16) + 16 * 10
    assert (
        found.cost == estimate_on(HERE, 10, setting.target.platform) and found.val_accuracy is None
    )
    assert all(row.fits and row.val_accuracy is None for row in found.rows)


def test_those_that_were_trained_come_first_and_say_what_they_reached(setting):
    trials = [trained(0, HERE, 0.7), trained(1, changed(stride=1), 0.8)]
    found = around(setting, trials)
    first, *others = found.rows
    assert (first.change, first.id, first.val_accuracy) == (
        "stage1.stride=1",
        architecture_id(changed(stride=1)),
        0.8,
    )
    assert found.val_accuracy == 0.7
    assert [row.cost.macs for row in others] == sorted(row.cost.macs for row in others)


def test_a_neighbour_over_a_limit_says_so(setting):
    limit = estimate_on(HERE, 10, setting.target.platform).macs
    tight = replace(setting, target=replace(setting.target, macs=limit))
    assert {row.change for row in around(tight, []).rows if row.fits} == set()


def test_a_change_that_changes_no_operator_is_no_neighbour(pareto, target):
    free = CHOICES | {"stage": CHOICES["stage"] | {"skip": [False, True]}}
    rows = around(Setting(pareto, target, 10, load_space("mcu", free)), []).rows
    # a single block of stride 2 has no skip connection, whatever `skip` says
    assert "stage1.skip=true" not in {row.change for row in rows}
    assert len({row.id for row in rows}) == len(rows)
