"""Facts are computed once, whoever asks for them, and what a newcomer asks is answered."""

from collections import Counter
from dataclasses import replace

import pytest

from lmanet.explain import Report
from lmanet.explain.facts import best, facts
from lmanet.explain.facts.contents import read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.opening import opening
from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder
from lmanet.run.notices import least_difference
from lmanet.run.records import Front

OF_RUN = ("importances", "progress", "rates", "unreadable", "by_status", "by_role", "opening")
OF_BEST = ("surroundings", "operator_rows", "limit_rows", "part_rows")


@pytest.fixture
def calls(monkeypatch) -> Counter[str]:
    """How often each fact is computed from now on."""
    counted: Counter[str] = Counter()

    def count(module, name):
        real = getattr(module, name)

        def counting(*given):
            counted[name] += 1
            return real(*given)

        monkeypatch.setattr(module, name, counting)

    for module, names in ((facts, OF_RUN), (best, OF_BEST)):
        for name in names:
            count(module, name)
    return counted


def test_a_report_computes_each_fact_once(make_run, setting, calls):
    Report(setting).run(RunFolder(make_run(20)))
    assert calls == dict.fromkeys((*OF_RUN, *OF_BEST), 1)


def test_a_fact_that_nobody_asks_for_is_not_computed(finished_run, setting, calls):
    assert Facts(finished_run, setting).best.cost.macs > 0
    assert not calls


def test_the_opening_counts_images_and_gives_an_interval(finished_run, setting):
    found = opening(finished_run, setting)
    assert list(found.images) == [("validation", 100), ("test", 1000)]
    low, high = found.interval
    assert low < finished_run.best.score.val_accuracy < high
    assert (found.noise.images, found.noise.folds) == (100, 1) and 0 < found.noise.least < 0.2
    uncounted = opening(replace(finished_run, examination=None, tests=()), setting)
    assert (list(uncounted.images), uncounted.interval, uncounted.noise) == ([], None, None)


def test_the_noise_of_a_search_is_that_of_its_folds(finished_run, setting):
    folds = {"val_images": 40, "fold_accuracies": (0.5, 0.9, 0.7, 0.6, 0.8)}
    best = finished_run.front.trials[0]
    folded = best.model_copy(update={"score": best.score.model_copy(update=folds)})
    front = finished_run.front.model_copy(update={"trials": (folded,)})
    noise = opening(replace(finished_run, front=front), setting).noise
    assert (noise.images, noise.folds) == (40, 5)
    assert noise.least == least_difference(folded.score) > 0.15


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        ({"proposals": 60}, ("proposals", 60)),
        ({"proposals": 1000, "trained": 5}, ("trained", 5)),
        ({"proposals": 1000, "tokens": 100}, ("tokens", 100)),
        ({"proposals": 1000, "seconds": 660.0}, ("seconds", 660.0)),
        ({"proposals": 1000, "epochs": 10}, ("epochs", 10)),
        ({"proposals": 1000, "training_seconds": 50.0}, ("training_seconds", 50.0)),
        ({"proposals": 1000, "seconds": 661.0}, None),
    ],
)
def test_it_says_at_which_limit_the_search_stopped(finished_run, setting, budget, limit):
    assert opening(finished_run, replace(setting, budget=Budget(**budget))).limit == limit


def test_without_a_budget_it_does_not_say_why_the_search_stopped(finished_run, setting):
    assert opening(finished_run, setting).limit is None


def test_what_to_do_next_is_what_was_not_done(make_run, setting):
    run = read_run(RunFolder(make_run(20)))

    def stages(**changes):
        return [stage for stage, _ in opening(replace(run, **changes), setting).next_stages]

    assert stages() == []
    assert stages(deployments=(), tests=()) == ["deploy", "evaluate"]
    assert stages(full=(), distilled=(), examination=None) == ["train"]
    nothing = Front(hypervolume=0.0, trials=())
    assert stages(full=(), distilled=(), front=nothing) == []
