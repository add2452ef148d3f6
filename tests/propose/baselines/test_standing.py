"""What a searcher that knows only numbers learns of a latency that a board measured, or did not."""

import pytest

from lmanet.cost import estimate
from lmanet.propose.baselines.standing import follow
from lmanet.run.brief import Brief, Goal
from lmanet.run.measurement import BoardMeasurement
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict, Violation
from lmanet.space import load_space

FIGURES = BoardMeasurement(
    board="my board",
    emulated=False,
    core_mhz=100.0,
    images=1,
    cycles=(500_000,),
    instructions=400_000,
    network="a",
    seconds=1.0,
)
GOALS = (
    Goal(name="val_accuracy", maximise=True),
    Goal(name="measured_latency_ms", maximise=False),
)


@pytest.fixture
def brief():
    return Brief(
        space=load_space("mcu"),
        seed=0,
        images="digits",
        num_classes=10,
        limits={"macs": 1000},
        objectives=GOALS,
    )


@pytest.fixture
def trial(make):
    def ended(status, board=None, **verdict):
        network = make({"channels": 8})
        cost = estimate(network, 10)
        return Trial(
            number=0,
            status=status,
            proposal=Proposal(proposer="random", architecture=network),
            verdict=Verdict(accepted=False, cost=cost, board=board, **verdict),
            score=Score(val_accuracy=0.5, seconds=1.0) if status is Status.TRAINED else None,
            seed=0,
            started_at="",
            seconds=1.0,
            elapsed_seconds=1.0,
        )

    return ended


def standing(trial, brief):
    return follow(brief).over((trial,)).of.get(0)


def test_what_the_board_measured_is_the_value_of_its_objective(trial, brief):
    assert standing(trial(Status.TRAINED, FIGURES), brief).values == (0.5, 5.0)


def test_of_a_network_that_no_board_measured_no_value_is_made_up(trial, brief):
    over = Violation(rule="macs", hint="fewer", given=2000, limit=1000)
    assert standing(trial(Status.REJECTED, violations=(over,)), brief) is None


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT])
def test_of_a_network_on_which_the_board_failed_nothing_is_learned(trial, brief, status):
    assert standing(trial(status, ended=status, error="reset: it started anew"), brief) is None
