"""Front and hypervolume against values worked out by hand, and their independence of order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import permutations

from lmanet.pareto import ParetoFront
from lmanet.run.records import Proposal, Status, Trial

LIMITS = {"macs": 100, "peak_sram_bytes": 10, "flash_bytes": 1000}
ACCURACY = {"direction": "max", "unit": "share", "reference": 0.0, "ideal": 1.0}
MACS = {"direction": "min", "unit": "MACs", "reference": "limit", "ideal": 0}
SRAM = {"direction": "min", "unit": "bytes", "reference": "limit", "ideal": 0}
TWO = ParetoFront({"val_accuracy": ACCURACY, "macs": MACS}, LIMITS)
THREE = ParetoFront({"val_accuracy": ACCURACY, "macs": MACS, "peak_sram_bytes": SRAM}, LIMITS)


def numbers(trials) -> list[int]:
    return [trial.number for trial in trials]


def test_two_objectives_by_hand(make_trial):
    trials = [
        make_trial(0, 0.5, 20),
        make_trial(1, 0.8, 60),
        make_trial(2, 0.4, 30),
        make_trial(3, 0.8, 70),
    ]
    assert numbers(TWO.front(trials)) == [1, 0]
    # below accuracy 0.5 the box is 80 wide of 100, between 0.5 and 0.8 it is 40: 0.5 x 0.8 + 0.3 x
    # 0.4
    assert TWO.hypervolume(trials) == pytest.approx(0.52)


def test_three_objectives_by_hand(make_trial):
    trials = [
        make_trial(0, 0.5, 50, 5),
        make_trial(1, 0.5, 60, 4),
        make_trial(2, 0.5, 60, 5),
        make_trial(3, 0.6, 90, 9),
    ]
    assert numbers(THREE.front(trials)) == [3, 0, 1]
    # accuracy up to 0.5: free MACs x free SRAM, 0.5 x 0.5 united with 0.4 x 0.6 = 0.25 + 0.24 - 0.4
    # x 0.5 = 0.29; accuracy 0.5 to 0.6: 0.1 x 0.1
    assert THREE.hypervolume(trials) == pytest.approx(0.5 * 0.29 + 0.1 * 0.01)


def test_one_objective_keeps_the_best(make_trial):
    one = ParetoFront({"macs": MACS}, LIMITS)
    trials = [make_trial(0, 0.5, 50), make_trial(1, 0.1, 20), make_trial(2, 0.9, 20)]
    assert numbers(one.front(trials)) == [1]
    assert one.hypervolume(trials) == pytest.approx(0.8)


def test_balanced_accuracy_ranks_where_it_is_the_objective(make_trial):
    trials = []
    for number, (plain, balanced, macs) in enumerate([(0.9, 0.5, 20), (0.7, 0.6, 30)]):
        trial = make_trial(number, plain, macs)
        score = trial.score.model_copy(update={"val_balanced_accuracy": balanced})
        trials.append(trial.model_copy(update={"score": score}))
    fair = ParetoFront({"val_balanced_accuracy": ACCURACY, "macs": MACS}, LIMITS)
    assert numbers(fair.front(trials)) == [1, 0]
    both = {"val_accuracy": ACCURACY, "val_balanced_accuracy": ACCURACY}
    assert numbers(ParetoFront(both, LIMITS).front(trials)) == [0, 1]


def test_four_objectives(make_trial):
    objectives = {"val_accuracy": ACCURACY, "macs": MACS, "peak_sram_bytes": SRAM}
    four = ParetoFront(
        {
            **objectives,
            "params": {"direction": "min", "unit": "parameters", "reference": 50, "ideal": 0},
        },
        LIMITS,
    )
    trials = [make_trial(0, 0.5, 50, 5, params=25), make_trial(1, 0.5, 50, 5, params=20)]
    assert numbers(four.front(trials)) == [1]
    assert four.hypervolume(trials) == pytest.approx(0.5 * 0.5 * 0.5 * 0.6)


def test_of_equal_values_the_earliest_stands_for_all(make_trial):
    trials = [make_trial(7, 0.5, 20), make_trial(3, 0.5, 20), make_trial(5, 0.5, 20)]
    assert numbers(TWO.front(trials)) == [3]


def test_only_trained_trials_within_the_limits_count(make_trial):
    proposal = Proposal(proposer="test", error="no JSON")
    unparsable = Trial(
        number=1,
        status=Status.UNPARSABLE,
        proposal=proposal,
        seed=0,
        started_at="",
        seconds=1.0,
        elapsed_seconds=1.0,
    )
    trials = [make_trial(0, 0.99, 1, feasible=False), unparsable]
    assert TWO.front(trials) == [] and TWO.hypervolume(trials) == 0.0
    assert numbers(TWO.front([*trials, make_trial(2, 0.1, 90)])) == [2]


def test_nothing_gives_nothing():
    assert TWO.front([]) == [] and TWO.hypervolume([]) == 0.0


def test_the_ideal_point_fills_the_box_and_the_reference_nothing(make_trial):
    assert THREE.hypervolume([make_trial(0, 1.0, 0, 0)]) == pytest.approx(1.0)
    assert THREE.hypervolume([make_trial(0, 0.0, 100, 10)]) == 0.0


def test_beyond_the_reference_a_trial_may_stand_on_the_front_but_adds_no_volume(make_trial):
    narrow = ParetoFront({"val_accuracy": {**ACCURACY, "reference": 0.5}, "macs": MACS}, LIMITS)
    trials = [make_trial(0, 0.4, 10), make_trial(1, 0.75, 50)]
    assert numbers(narrow.front(trials)) == [1, 0]
    assert narrow.hypervolume(trials) == pytest.approx(0.5 * 0.5)


@st.composite
def histories(draw):
    values = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.booleans())
    rows = draw(st.lists(values, max_size=14))
    return rows, draw(permutations(range(len(rows))))


@given(histories())
def test_neither_depends_on_the_order(make_trial, history):
    rows, order = history
    trials = [make_trial(i, a / 6, 10 * m, s, feasible=ok) for i, (a, m, s, ok) in enumerate(rows)]
    shuffled = [trials[i] for i in order]
    assert THREE.front(shuffled) == THREE.front(trials)
    assert THREE.hypervolume(shuffled) == pytest.approx(THREE.hypervolume(trials), abs=1e-12)


def better(first: Trial, second: Trial) -> bool:
    """First dominates second, as the definition has it: no worse in any
    objective, better in one.
    """
    a, b = (
        (-t.score.val_accuracy, t.verdict.cost.macs, t.verdict.cost.peak_sram_bytes)
        for t in (first, second)
    )
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


@given(histories())
def test_the_front_is_what_the_definition_says(make_trial, history):
    trials = [
        make_trial(i, a / 6, 10 * m, s, feasible=ok) for i, (a, m, s, ok) in enumerate(history[0])
    ]
    eligible = [trial for trial in trials if trial.eligible]
    front = THREE.front(trials)
    assert not any(better(a, b) for a, b in itertools.permutations(front, 2))
    beaten = [t for t in eligible if any(better(other, t) for other in eligible)]
    assert {THREE.values(t) for t in front} == {THREE.values(t) for t in eligible} - {
        THREE.values(t) for t in beaten
    }
    accuracies = [trial.score.val_accuracy for trial in front]
    assert accuracies == sorted(accuracies, reverse=True)


@given(histories())
def test_another_trial_never_lowers_the_hypervolume(make_trial, history):
    trials = [
        make_trial(i, a / 6, 10 * m, s, feasible=ok) for i, (a, m, s, ok) in enumerate(history[0])
    ]
    volumes = [THREE.hypervolume(trials[:count]) for count in range(len(trials) + 1)]
    assert all(
        0.0 <= before <= after + 1e-12 <= 1.0 + 2e-12
        for before, after in itertools.pairwise(volumes)
    )


@given(histories())
def test_a_front_that_grows_trial_by_trial_is_the_front_of_all(make_trial, history):
    rows, order = history
    trials = [make_trial(i, a / 6, 10 * m, s, feasible=ok) for i, (a, m, s, ok) in enumerate(rows)]
    front: list[Trial] = []
    for count, place in enumerate(order, start=1):
        front = THREE.front([*front, trials[place]])
        ended = [trials[i] for i in order[:count]]
        assert front == THREE.front(ended)
        assert THREE.hypervolume(front) == pytest.approx(THREE.hypervolume(ended), abs=1e-12)
