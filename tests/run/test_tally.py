"""Counts, share of the budget and time left, by hand with a clock of the test's own."""

import pytest

from lmanet.run.brief import Budget
from lmanet.run.records import Status
from lmanet.run.tally import Tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_counts_tokens_and_the_best(trials, clock):
    tally = Tally(Budget(proposals=8), trials, clock)
    assert tally.statuses == {Status.TRAINED: 2, Status.REJECTED: 1, Status.UNPARSABLE: 1}
    assert tally.tokens == 4 * 1200
    assert tally.best_accuracy == 0.8
    assert tally.share_done == 0.5


def test_the_nearest_ceiling_gives_share_and_time_left(make_trial, clock):
    tally = Tally(Budget(proposals=100, trained=4, seconds=1000, tokens=3600), (), clock)
    assert tally.seconds_left is None
    tally.add(make_trial(0))
    clock.now += 30
    # 1 of 100 proposals, 1 of 4 trained, 30 of 1000 s, 1,200 of 3,600 tokens: two more such
    # proposals spend the tokens
    assert tally.share_done == pytest.approx(1 / 3)
    assert tally.seconds_left == pytest.approx(60)


def test_the_simulated_clock_is_a_ceiling(make_trial, clock):
    tally = Tally(Budget(proposals=100, training_seconds=12.0), (), clock)
    for number, status in enumerate((Status.TRAINED, Status.REJECTED, Status.TRAINED)):
        tally.add(make_trial(number, status))
    assert tally.share_done == pytest.approx(6 / 12)


def test_the_ceiling_of_seconds_runs_without_trials(clock):
    tally = Tally(Budget(proposals=100, seconds=50), (), clock)
    clock.now += 20
    assert tally.seconds_left == pytest.approx(30)


def test_a_resumed_run_counts_what_was_there_but_not_as_pace(trials, make_trial, clock):
    tally = Tally(Budget(proposals=10, seconds=1000), trials, clock)
    assert tally.elapsed_seconds == 40
    tally.add(make_trial(4))
    clock.now += 8
    assert tally.elapsed_seconds == 48
    # five of ten are done, one of them in the 8 s since the start
    assert tally.seconds_left == pytest.approx(5 * 8)


def test_a_spent_budget_leaves_nothing(trials, make_trial, clock):
    tally = Tally(Budget(proposals=4), (), clock)
    clock.now += 10
    for trial in [*trials, make_trial(4)]:
        tally.add(trial)
    assert tally.share_done == 1.0 and tally.seconds_left == 0.0


def test_a_paused_trial_that_goes_on_counts_once(make_trial, clock):
    tally = Tally(Budget(proposals=10, epochs=4), [make_trial(0, Status.PAUSED)], clock)
    assert tally.best_accuracy is None and tally.epochs == 1, "what is paused is no result"
    tally.add(make_trial(1, Status.PAUSED))
    tally.add(make_trial(0, Status.TRAINED))
    assert +tally.statuses == {Status.TRAINED: 1, Status.PAUSED: 1}
    assert (tally.tokens, tally.training_seconds, tally.epochs) == (2 * 1200, 6.0, 2)
    assert tally.share_done == 0.5
