"""The loop with a promotion that pauses candidates: what is trained how far, resumed at any line,
and within which budget.
"""

import pytest

from lmanet.promote import Halving
from lmanet.run.brief import Budget
from lmanet.run.history import History
from lmanet.run.records import Status

RUNGS = (1, 3)
WHOLE = 9


@pytest.fixture
def make(make_search, brief):
    def halved(budget: Budget, **settings):
        search = make_search(
            budget, promotion=Halving(brief, RUNGS, keep=0.5, **settings), capacity=1
        )
        search.steps.executor.whole = WHOLE
        return search

    return halved


def found(search) -> dict[int, tuple]:
    return {trial.number: (trial.status, trial.epochs, trial.id) for trial in search.history.trials}


def test_promising_candidates_are_trained_on_and_the_others_stay_paused(make):
    search = make(Budget(proposals=60))
    search.run()
    trials = search.history.trials
    assert sorted(trial.number for trial in trials) == list(range(60)), (
        "one trial a number, however often it went on"
    )
    accepted = [trial for trial in trials if trial.verdict and trial.verdict.accepted]
    ended = [trial for trial in accepted if trial.status is not Status.PAUSED]
    assert 0.1 < len(ended) / len(accepted) < 0.6
    assert {trial.epochs for trial in trials if trial.status is Status.PAUSED} == {1, 3}
    kept = {path.name for path in search.history.checkpoints.iterdir()}
    assert kept == {str(trial.number) for trial in trials if trial.status is Status.PAUSED}
    assert all(trial.status is Status.TRAINED for trial in search.front)
    assert search.steps.listeners[0].events.count("trial") > 60


def test_a_candidate_climbs_one_rung_after_another(make):
    search = make(Budget(proposals=40))
    search.run()
    stops = [
        epochs
        for number, epochs in search.steps.executor.epochs
        if number == search.front[0].number
    ]
    assert stops == [1, 3, None]


@pytest.mark.parametrize("lines", [1, 9, 20, 37])
def test_a_search_resumed_after_any_line_goes_on_to_the_same_trials(make, lines):
    whole = make(Budget(proposals=40))
    whole.run()
    path = whole.history.run.history.path
    expected, written = found(whole), path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(written[:lines]) + written[lines][:30])
    again = make(Budget(proposals=40))
    again.run()
    assert found(again) == expected
    assert [line.split(b",")[:2] for line in path.read_bytes().splitlines()] == [
        line.split(b",")[:2] for line in written
    ]


def test_a_larger_budget_promotes_what_was_paused_before(make):
    make(Budget(proposals=20)).run()
    search = make(Budget(proposals=60))
    before = {trial.number for trial in search.history.trials if trial.status is Status.PAUSED}
    search.run()
    went_on = {number for number, epochs in search.steps.executor.epochs if epochs != 1}
    assert (
        before & went_on
        and not {number for number, epochs in search.steps.executor.epochs if epochs == 1} & before
    )


@pytest.mark.parametrize(
    ("limit", "holds"),
    [
        ({"epochs": 30}, lambda trials: 30 <= sum(trial.epochs for trial in trials) < 30 + WHOLE),
        (
            {"training_seconds": 30},
            lambda trials: (
                30 <= sum(trial.score.seconds for trial in trials if trial.score) < 30 + WHOLE
            ),
        ),
        (
            {"trained": 2},
            lambda trials: sum(trial.status is Status.TRAINED for trial in trials) == 2,
        ),
    ],
)
def test_a_budget_that_is_spent_ends_promotions_too(make, limit, holds):
    search = make(Budget(proposals=500, **limit))
    search.run()
    assert holds(search.history.trials) and len(search.history.trials) < 500


def test_screened_candidates_are_measured_before_any_is_trained(make):
    search = make(Budget(proposals=60), screen=["params"])
    search.run()
    accepted = [
        trial
        for trial in History(search.history.run).trials
        if trial.verdict and trial.verdict.accepted
    ]
    assert all(trial.zero_cost for trial in accepted), "a promoted one keeps what was measured"
    untrained = [
        trial for trial in accepted if trial.score is None and trial.status is Status.PAUSED
    ]
    assert 0.3 < len(untrained) / len(accepted) < 0.6
    assert len(search.steps.executor.epochs) == len(set(search.steps.executor.epochs)), (
        "no rung is trained twice"
    )
