"""What is carried on is what would be counted from scratch, whatever history comes next."""

from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder
from lmanet.run.growing import Growing
from lmanet.run.history import History
from lmanet.run.records import Proposal, Status, Trial
from lmanet.run.tally import Tally

# Number of a trial -> it pauses, or ends; a paused one may come again.
ENDS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(Status)), max_size=25)


def replayed(make_trial, ends) -> list[list[Trial]]:
    """The history after each line, as `History` orders it."""
    kept: dict[int, Trial] = {}
    states = [[]]
    for number, status in ends:
        if number in kept and kept[number].status is not Status.PAUSED:
            continue
        kept.pop(number, None)
        kept[number] = make_trial(number, status, number / 10)
        states.append(list(kept.values()))
    return states


def put(found: dict[int, Status], trial: Trial) -> None:
    found.pop(trial.number, None)
    found[trial.number] = trial.status


def last(trials) -> list[tuple[int, Status]]:
    return [(trial.number, trial.status) for trial in trials]


@given(ends=ENDS)
def test_a_value_that_grows_is_the_value_from_scratch(make_trial, ends):
    growing: Growing[dict[int, Status]] = Growing(dict, put)
    for trials in replayed(make_trial, ends):
        assert sorted(growing.over(trials).items()) == sorted(last(trials))


@given(ends=ENDS, others=ENDS)
def test_another_history_starts_anew(make_trial, ends, others):
    growing: Growing[dict[int, Status]] = Growing(dict, put)
    for trials in (replayed(make_trial, ends)[-1], replayed(make_trial, others)[-1]):
        assert list(growing.over(trials).items()) == last(trials)


@given(ends=ENDS)
def test_a_history_shows_each_moment_as_it_was(make_trial, ends):
    states = replayed(make_trial, ends)
    growing: Growing[dict[int, Status]] = Growing(dict, put)
    with TemporaryDirectory() as folder:
        history = History(RunFolder(folder))
        moments = [history.now()]
        for trials in states[1:]:
            history.append(trials[-1])
            moments.append(history.now())
            assert list(growing.over(moments[-1]).items()) == last(trials)
        again = History(RunFolder(folder)).now()
    for moment, trials in zip([*moments, again], [*states, states[-1]], strict=True):
        assert list(moment) == trials and len(moment) == len(trials)
        assert list(reversed(moment)) == trials[::-1] and moment[:2] == tuple(trials[:2])


def test_what_was_counted_is_not_counted_again(make_trial):
    added: list[int] = []
    growing: Growing[list[int]] = Growing(list, lambda _, trial: added.append(trial.number))
    trials = [make_trial(number) for number in range(50)]
    for length in range(51):
        growing.over(trials[:length])
    assert added == list(range(50))


@given(ends=ENDS)
def test_a_tally_that_grew_is_that_of_a_resumed_run(make_trial, ends):
    grown = Tally(Budget(proposals=9))
    before: list[Trial] = []
    for trials in replayed(make_trial, ends)[1:]:
        grown.add(trials[-1])
        before = trials
    resumed = Tally(Budget(proposals=9), before)
    for name in ("statuses", "tokens", "epochs", "training_seconds", "best_accuracy"):
        assert getattr(grown, name) == getattr(resumed, name)
    assert grown.training_seconds == pytest.approx(sum(t.score.seconds for t in before if t.score))


def test_a_copy_with_another_architecture_has_another_id(make):
    trial = Trial(
        number=0,
        status=Status.FAILED,
        proposal=Proposal(proposer="test", architecture=make()),
        seed=0,
        started_at="",
        seconds=0.0,
        elapsed_seconds=0.0,
    )
    first = trial.id
    changed = trial.model_copy(
        update={"proposal": Proposal(proposer="test", architecture=make({"channels": 24}))}
    )
    assert changed.id != first == trial.id
