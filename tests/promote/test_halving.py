"""Which paused trial goes on: by hand-made curves and costs."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lmanet.cost import Cost, estimate
from lmanet.errors import ConfigError
from lmanet.promote import Everything, Halving
from lmanet.promote.order import best_first
from lmanet.run.brief import Brief, Goal
from lmanet.run.records import Epoch, Proposal, Score, Status, Trial, Verdict, Violation
from lmanet.space import load_space

SPACE = load_space("mcu", {"resolution": [32], "num_stages": [3]})
ACCURACY, MACS = Goal(name="val_accuracy", maximise=True), Goal(name="macs", maximise=False)


@cache
def cost() -> Cost:
    return estimate(SPACE.sample(np.random.default_rng(0)), 10)


def brief(*goals: Goal) -> Brief:
    return Brief(space=SPACE, seed=0, images="digits", num_classes=10, limits={}, objectives=goals)


def trial(number: int, loss: float, macs: int = 1, epochs: int = 1, **given) -> Trial:
    """The loss is the same in each epoch; what is not trained to its end is paused."""
    curve = tuple(
        Epoch(epoch=e, train_loss=loss, val_loss=9 - loss, val_accuracy=loss / 10, seconds=1)
        for e in range(epochs)
    )
    trial = Trial(
        number=number,
        status=Status.PAUSED,
        proposal=Proposal(proposer="test"),
        verdict=Verdict(accepted=True, cost=replace(cost(), macs=macs)),
        score=Score(val_accuracy=0.5, seconds=epochs, curve=curve),
        seed=0,
        started_at="",
        seconds=1,
        elapsed_seconds=1,
    )
    return trial.model_copy(update=given)


def test_the_lowest_loss_goes_on_and_the_first_in_any_case():
    halving = Halving(brief(ACCURACY), [1, 3], keep=0.5)
    assert halving.first == 1
    assert halving.next([trial(0, 2.0)], ()) == (0, 3)
    assert halving.next([trial(0, 2.0, epochs=3)], ()) == (0, None)
    assert halving.next([trial(0, 2.0), trial(1, 1.0)], ()) == (1, 3)
    assert halving.next([trial(0, 2.0), trial(1, 1.0)], {1: None}) is None, "it is on its way"
    ended = trial(1, 1.0, epochs=9, status=Status.TRAINED)
    assert halving.next([trial(0, 2.0), ended], ()) is None, "the place is taken"
    assert halving.next([trial(0, 2.0), ended, trial(2, 3.0), trial(3, 4.0)], ()) == (0, 3)


def test_the_highest_rung_comes_first_and_the_last_leads_to_the_end():
    trials = [trial(0, 1.0, epochs=3), trial(1, 2.0, epochs=3), trial(2, 0.5), trial(3, 3.0)]
    assert Halving(brief(ACCURACY), [1, 3], keep=0.5).next(trials, ()) == (0, None)
    ended = trials[0].model_copy(update={"status": Status.TRAINED})
    assert Halving(brief(ACCURACY), [1, 3], keep=0.5).next([ended, *trials[1:]], ()) == (2, 3)


def test_a_cheap_network_is_compared_with_none_that_costs_more():
    trials = [
        trial(0, 1.0, macs=100),
        trial(1, 1.1, macs=90),
        trial(2, 1.2, macs=95),
        trial(3, 2.0, macs=5),
    ]
    halving = Halving(brief(ACCURACY, MACS), [1], keep=0.75)
    went_on = []
    while promoted := halving.next(trials, went_on):
        went_on.append(promoted.number)
    assert set(went_on) == {0, 1, 3}, "2 loses to 1 in both"


def test_another_measure_can_be_chosen():
    trials = [trial(0, 2.0), trial(1, 1.0)]
    first = {
        name: Halving(brief(ACCURACY), [1], 0.5, name).next(trials, ())
        for name in ("train_loss", "val_loss", "val_accuracy")
    }
    assert first == {"train_loss": (1, None), "val_loss": (0, None), "val_accuracy": (0, None)}


def test_what_cannot_enter_the_front_is_not_promoted():
    broken = Verdict(
        accepted=True, cost=cost(), violations=(Violation(rule="macs", hint="too many"),)
    )
    trials = [
        trial(0, 1.0, verdict=broken),
        trial(1, 0.5, status=Status.FAILED, score=None),
        trial(2, 3.0),
        trial(3, 4.0),
    ]
    assert Halving(brief(ACCURACY), [1], keep=0.5).next(trials, ()) == (2, None)


def test_a_screened_candidate_is_ranked_by_its_proxies():
    trials = [trial(n, 0, score=None, zero_cost={"zen": float(n), "depth": 1.0}) for n in range(4)]
    halving = Halving(brief(ACCURACY), [1, 3], keep=0.5, screen=["zen"])
    assert halving.first == 0 and halving.next(trials, ()) == (3, 1)
    with pytest.raises(
        ConfigError,
        match=r"names synflow, which the trainer has not measured \(it has depth, zen\)",
    ):
        Halving(brief(ACCURACY), [1], keep=0.5, screen=["synflow"]).next(trials, ())


def test_the_best_dominate_and_of_one_front_those_that_add_most_lead():
    points = [(1, 8), (2, 7), (8, 1), (9, 9), (2.1, 6.9)]
    order = best_first(points)
    assert order[-1] == 3 and order[0] in (0, 2)
    scaled = [(a, 1000 * b) for a, b in points]
    assert best_first(scaled) == order, "units do not matter"
    assert best_first([]) == [] and best_first([(3,), (1,), (2,)]) == [1, 2, 0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rungs": []}, "give epochs that rise"),
        ({"rungs": [0, 3]}, "the first at least 1"),
        ({"rungs": [3, 3]}, r"rungs=\[3, 3\]"),
        ({"keep": 1.0}, "keep=1.0: the share"),
        ({"rank_by": "loss"}, "legal are train_loss, val_loss, val_accuracy"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Halving(brief(ACCURACY), **{"rungs": [1], "keep": 0.5, **settings})


def test_everything_is_trained_to_its_end_and_never_promoted():
    assert (
        Everything(brief()).first is None and Everything(brief()).next([trial(0, 1.0)], ()) is None
    )
