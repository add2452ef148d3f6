"""docs/how-to/add-an-objective.md: one entry and what computes it, no file of ours changed."""

from types import SimpleNamespace

import numpy as np
import pytest

from lmanet.board import Region, Target
from lmanet.board.target import Unlimited
from lmanet.claims.kinds import CheaperThanParent
from lmanet.explain.cards import _costs
from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.figures.costs import limits as limits_figure
from lmanet.explain.tables.trials import _front as front_table_of
from lmanet.feedback.lines import network as told
from lmanet.network import load_architecture
from lmanet.pareto import ParetoFront
from lmanet.propose.llm.prompt import Prompt
from lmanet.run.brief import Brief, Goal
from lmanet.run.folder import RunFolder
from lmanet.run.quantities import QUANTITIES, Quantity, register
from lmanet.run.records import Front, Proposal, Score, Status, Trial, Verdict
from lmanet.space import estimate_on, load_space
from lmanet.track.optuna_export import OptunaExport
from lmanet.track.progress import front_table
from lmanet.validate import Validator

NETWORK = load_architecture("lmanet_core")


@pytest.fixture
def operators(monkeypatch):
    """A quantity that stands in the list for one test."""
    monkeypatch.setitem(QUANTITIES, "operators", None)  # is taken out again at the end
    return register(
        Quantity(
            name="operators",
            title="operators",
            unit="operators that run one after another",
            direction="min",
            origin="formula",
            in_feedback=True,
            compute=len,
        )
    )


@pytest.fixture
def trial(operators):
    cost = estimate_on(NETWORK, 10, Unlimited().platform)
    return Trial(
        number=0,
        status=Status.TRAINED,
        proposal=Proposal(proposer="test", architecture=NETWORK),
        verdict=Verdict(accepted=True, cost=cost),
        score=Score(val_accuracy=0.5, seconds=1.0),
        seed=0,
        started_at="2026-01-01T00:00:00+00:00",
        elapsed_seconds=1.0,
        seconds=1.0,
    )


def test_it_is_computed_kept_and_read_again(operators, trial):
    count = operators.of(trial.verdict.cost)
    assert count and count == trial.verdict.cost.quantities()["operators"] > 10
    again = Trial.model_validate_json(trial.model_dump_json())
    assert operators.of(again.verdict.cost) == count


def test_it_is_an_objective(operators, trial):
    spec = {"reference": 100, "ideal": 0}
    front = ParetoFront({"val_accuracy": {"reference": 0, "ideal": 1}, "operators": spec}, {})
    assert front.values(trial) == (0.5, operators.of(trial.verdict.cost))


def test_it_shows_in_prompt_and_feedback(operators, trial):
    space = load_space("lmanet")
    goals = (Goal(name="val_accuracy", maximise=True), Goal(name="operators", maximise=False))
    brief = Brief(
        space=space,
        seed=0,
        images="digits",
        num_classes=10,
        limits={"operators": 40},
        objectives=goals,
    )
    opening = Prompt(max_attempts=1).opening(brief, NETWORK)
    assert "- operators: at most 40 operators that run one after another" in opening
    count = operators.of(trial.verdict.cost)
    assert f"operators {count}" in opening and f"operators {count}" in told(trial, space, "lines")


def test_it_shows_in_tables_and_at_an_axis(operators, trial):
    run = SimpleNamespace(front=Front(hypervolume=0.1, trials=(trial,)))
    front = front_table_of(SimpleNamespace(run=run))
    count = operators.of(trial.verdict.cost)
    assert front.columns[-1].title == "operators" and front.rows[0][-1] == count
    limited = SimpleNamespace(limits={"operators": 40}, platform=Unlimited().platform)
    setting = SimpleNamespace(target=limited, num_classes=10)
    assert ("operators", f"{count}", count / 40) in _costs(trial, setting)
    (bars,) = limits_figure(BestNetwork(NETWORK, run, setting), [], limited.limits).data
    assert list(bars.y) == [f"operators<br>{count} of 40"]
    assert front_table([trial]).columns[5].header == "operators"


def test_it_is_a_limit_that_the_validator_checks(operators):
    target = Target(
        name="toy",
        board="a toy",
        core="cortex-m7",
        clock_mhz=100,
        runtime="plain",
        regions=[Region("SRAM", 0x20000000, 10**9)],
        stack_bytes=0,
        runtime_sram_bytes=0,
        input_buffer_bytes=0,
        flash_bytes=10**9,
        runtime_flash_bytes=0,
        macs=10**9,
        more_limits={"operators": 10},
    )
    space = load_space("lmanet")
    drawn = space.sample(np.random.default_rng(0))
    verdict = Validator(space, target, 10).validate(drawn, ())
    rules = {violation.rule: violation.hint for violation in verdict.violations}
    assert not verdict.accepted and "exceeds the limit 10 of target toy" in rules["operators"]


def test_a_model_may_claim_to_save_it(operators):
    read = CheaperThanParent.model_validate
    claim = read({"claim": "cheaper_than_parent", "quantity": "operators", "by_percent": 5})
    assert claim.words() == "fewer operators than its parent by at least 5 %"
    with pytest.raises(ValueError, match="or operators"):
        read({"claim": "cheaper_than_parent", "quantity": "speed", "by_percent": 5})


def test_it_is_exported(operators, trial, tmp_path):
    RunFolder(tmp_path).history.append(trial)
    goals = (Goal(name="val_accuracy", maximise=True), Goal(name="operators", maximise=False))
    OptunaExport(load_space("lmanet"), goals, {"operators": 40}).run(RunFolder(tmp_path))
    journal = (tmp_path / "optuna_journal.log").read_text()
    assert f'"operators":{operators.of(trial.verdict.cost)}' in journal.replace(".0,", ",")


@pytest.mark.slow
def test_the_page_makes_a_search_and_a_report_with_it(follow):
    reader = follow("add-an-objective")
    small = "budget.trained=1", "budget.proposals=40", "data.split.max_train_images=100"
    done = reader.type_command(*small, "hydra.run.dir=run")
    assert done.code == 0, done.said
    (front, *_) = RunFolder(reader.folder / "run").front.read().trials
    assert 0 < front.verdict.cost.added["operators"] <= 40
    assert "operators" in (reader.folder / "run" / "report.md").read_text()
