"""What chooses among candidates in a model's place: a random forest and a bandit."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from lmanet.propose import Bandit, Forest, Rank
from lmanet.propose.baselines.forest import features
from lmanet.propose.roles.arms import ARMS, brought, current_arm
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.task import Choice, Round
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Trial
from lmanet.space import CellSpace, architecture_id, estimate_on

Make = Callable[..., Trial]
RANK = Rank(8, 1.0, 1, "at_random")
SMALLEST, LARGEST = list(ARMS)[4], list(ARMS)[5]


@pytest.fixture
def cells() -> Brief:
    goal = Goal(name="val_accuracy", maximise=True)
    return Brief(
        space=CellSpace(), seed=0, images="photos", num_classes=100, limits={}, objectives=(goal,)
    )


def given_of(brief: Brief, trials: Sequence[Trial]) -> Round:
    past = follow(brief.space).over(trials)
    request = Request(number=len(trials), count=1, trials=tuple(trials))
    rng = np.random.default_rng([1, len(trials)])
    return Round(brief, request, 1, tried(request, past), None, rng, past)


def by_macs(brief: Brief, trained: Make, number: int) -> list[Trial]:
    """Networks whose accuracy grows with their multiply-accumulates."""
    drawn = [brief.space.sample(np.random.default_rng(i)) for i in range(number)]
    macs = [estimate_on(each, 100, brief.platform).quantities()["macs"] for each in drawn]
    return [
        trained(brief, i, each, accuracy=macs[i] / 2 / max(macs)) for i, each in enumerate(drawn)
    ]


def with_arm(trial: Trial, arm: str | None) -> Trial:
    return trial.model_copy(update={"proposal": trial.proposal.model_copy(update={"arm": arm})})


def test_a_forest_finds_what_decides(cells: Brief, trained: Make) -> None:
    given = given_of(cells, by_macs(cells, trained, 30))
    chosen = Forest(trees=30).chosen(given, RANK)
    macs = [estimate_on(c.architecture, 100, cells.platform).quantities()["macs"] for c in chosen]
    assert np.corrcoef(macs, range(len(macs)))[0, 1] < -0.8


def test_a_forest_without_trained_networks_keeps_the_order(cells: Brief) -> None:
    listed = RANK.candidates_of(given_of(cells, []))
    assert Forest().chosen(given_of(cells, []), RANK) == listed


def test_a_word_is_one_of_several_features_and_a_number_one(brief: Brief, cells: Brief) -> None:
    networks = [cells.space.sample(np.random.default_rng(0))]
    assert features(cells, networks).shape == (1, 6 * 5 + 2)
    staged = features(brief, [brief.space.sample(np.random.default_rng(i)) for i in range(3)])
    assert staged.shape[0] == 3 and np.isfinite(staged).all()


def test_an_arm_is_judged_by_the_networks_before(cells: Brief, trained: Make) -> None:
    reached = [(0.5, None), (0.6, LARGEST), (0.55, SMALLEST), (0.4, LARGEST), (0.7, "of old")]
    trials = [
        with_arm(trained(cells, i, accuracy=accuracy), arm)
        for i, (accuracy, arm) in enumerate(reached)
    ]
    found = brought(given_of(cells, trials))
    assert found[LARGEST] == [1.0, 0.0] and found[SMALLEST] == [0.5]
    assert set(found) == set(ARMS)


def test_an_arm_holds_for_a_block_of_proposals_also_after_a_resume(
    cells: Brief, trained: Make
) -> None:
    trials = [with_arm(trained(cells, i), arm) for i, arm in enumerate([None, None, None, LARGEST])]
    assert current_arm(given_of(cells, trials), 3) == LARGEST
    assert current_arm(given_of(cells, trials[:3]), 3) is None
    assert current_arm(given_of(cells, [*trials, with_arm(trained(cells, 4), SMALLEST)]), 3) == (
        LARGEST
    )


def test_a_bandit_tries_every_arm_and_goes_on_with_the_best(cells: Brief, trained: Make) -> None:
    trials: list[Trial] = []
    for number in range(20):
        given = given_of(cells, trials)
        chosen = Bandit(every=1, boldness=0.1).chosen(given, RANK)[0]
        accuracy = 0.5 + (0.01 * number if chosen.arm == LARGEST else -0.01 * number)
        trials.append(
            with_arm(trained(cells, number, chosen.architecture, accuracy=accuracy), chosen.arm)
        )
    arms = [trial.proposal.arm for trial in trials]
    assert set(arms[:7]) == set(ARMS) and arms[7:].count(LARGEST) > 9


@pytest.mark.parametrize("option", ["forest", "bandit"])
def test_a_chooser_names_itself_and_its_choice_is_new(
    option: str, cells: Brief, trained: Make, configured: Callable[..., Any]
) -> None:
    trials = by_macs(cells, trained, 8)
    request = Request(number=8, count=2, trials=tuple(trials))
    first = configured(option, cells).propose(request)
    assert {proposal.proposer for proposal in first} == {option} and len(first) == 2
    ids = {architecture_id(each.architecture) for each in first}
    assert len(ids) == 2 and not ids & {trial.id for trial in trials}
    assert all((proposal.arm in ARMS) == (option == "bandit") for proposal in first)
    again = configured(option, cells).propose(request)
    assert [each.architecture for each in again] == [each.architecture for each in first]


def test_every_arm_draws_by_its_name(cells: Brief, trained: Make) -> None:
    given = given_of(cells, by_macs(cells, trained, 12))
    for arm, rank in ARMS.items():
        drawn: list[Choice] = rank.candidates_of(given)
        assert all((choice.parent is None) == ("new" in arm) for choice in drawn)
