"""The stage that asks a model for design rules: once, in a form that can be weighed, and never at
the cost of the run.
"""

import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lmanet.errors import ArchitectureError
from lmanet.propose import LearnRules
from lmanet.propose.llm.learn import read_rules, rules_schema
from lmanet.propose.llm.reply import read_reply
from lmanet.run.brief import Brief
from lmanet.run.folder import FRONT, HISTORY, RULES, RunFolder
from lmanet.run.lines import append_record, read_record, write_record
from lmanet.run.records import Front, Trial
from lmanet.run.results import DesignRules, Rule

CHOICES = {"stage1.kernel": [3, 5], "stage2.skip": [False, True]}
GOOD = {"choice": "stage1.kernel", "value": 5, "effect": "raises"}
REPLY = json.dumps(
    {
        "rules": [GOOD, {"choice": "stage2.skip", "value": True, "effect": "lowers"}],
        "note": "Larger kernels help.",
    }
)


@pytest.fixture
def folder(tmp_path: Path, brief: Brief, trained: Callable[..., Trial]) -> Path:
    """A search of eight networks."""
    trials = [trained(brief, number, accuracy=0.5 + number / 20) for number in range(8)]
    for trial in trials:
        append_record(tmp_path / HISTORY, trial)
    write_record(tmp_path / FRONT, Front(hypervolume=0.5, trials=tuple(reversed(trials))))
    return tmp_path


def test_what_the_schema_allows_can_be_read() -> None:
    schema = rules_schema(CHOICES)
    jsonschema.validate(json.loads(REPLY), schema)
    for wrong in (
        {**GOOD, "value": 7},
        {**GOOD, "effect": "is"},
        {**GOOD, "choice": "stage9.kernel"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"rules": [wrong], "note": ""}, schema)
        with pytest.raises(ArchitectureError):
            read_rules(read_reply(json.dumps({"rules": [wrong]})), CHOICES)
    rules, note, faults = read_rules(read_reply(REPLY), CHOICES)
    assert (
        [rule.value for rule in rules] == [5, True]
        and note == "Larger kernels help."
        and not faults
    )


def test_a_rule_that_cannot_be_read_is_a_fault_and_the_others_count() -> None:
    rules, _, faults = read_rules(
        read_reply(json.dumps({"rules": [GOOD, GOOD, "larger is better", {**GOOD, "value": "5"}]})),
        CHOICES,
    )
    assert rules == (Rule(choice="stage1.kernel", value=5, effect="raises"),) and len(faults) == 2


def test_a_number_is_read_however_it_is_written_and_no_number_is_a_truth_value() -> None:
    choices = {"stage1.se_ratio": [0.0, 0.25], "stage2.skip": [False, True]}
    written = [
        {"choice": "stage1.se_ratio", "value": value, "effect": "raises"}
        for value in (0, 0.0, False)
    ]
    rules, _, faults = read_rules(
        read_reply(
            json.dumps({"rules": [*written, {**GOOD, "choice": "stage2.skip", "value": 1}]})
        ),
        choices,
    )
    assert (
        rules == (Rule(choice="stage1.se_ratio", value=0.0, effect="raises"),) and len(faults) == 2
    )


def test_half_a_character_in_a_note_or_a_fault_breaks_nothing() -> None:
    reply = json.dumps({"rules": [GOOD, "\ud800"], "note": "\ud800 larger"})
    rules, note, faults = read_rules(read_reply(reply), CHOICES)
    assert note == "? larger" and len(rules) == 1
    assert all(fault.encode() for fault in faults) and len(faults) == 1


@pytest.mark.parametrize(
    "reply", ["", "Use larger kernels.", "{", '{"rules": 5}', '{"rules": []}', '[{"rules": "x"}]']
)
def test_a_reply_without_rules_is_refused(reply: str) -> None:
    with pytest.raises(ArchitectureError):
        read_rules(read_reply(reply), CHOICES)


def test_the_real_model_states_rules_of_the_choices_that_varied(
    folder: Path, brief: Brief, configured: Callable[..., Any], embedded_address: str
) -> None:
    proposer = configured(
        "llm",
        brief,
        "model=SmolLM2",
        f"server.base_url={embedded_address}",
        "sampling.structured=always",
    )
    LearnRules(proposer, None).run(RunFolder(folder))
    found = read_record(folder / RULES, DesignRules)
    assert (
        found.proposer == "SmolLM2"
        and found.rules
        and found.trials == 8
        and found.usage.requests >= 1
    )
    before = (folder / RULES).read_bytes()
    LearnRules(proposer, None).run(RunFolder(folder))
    assert (folder / RULES).read_bytes() == before, "it is asked once"


def test_nonsense_is_asked_again_and_then_kept_as_a_fault(
    folder: Path, brief: Brief, configured: Callable[..., Any], endpoint: Any
) -> None:
    endpoint.answers = [(200, "Larger is better.")]
    LearnRules(
        configured(
            "llm", brief, "model=m", f"server.base_url={endpoint.base_url}", "prompt.max_attempts=2"
        ),
        None,
    ).run(RunFolder(folder))
    found = read_record(folder / RULES, DesignRules)
    assert (
        found.rules == ()
        and found.reply == "Larger is better."
        and "rules" in found.faults[0]
        and len(endpoint.requests) == 2
    )


def test_without_a_model_without_networks_or_without_tokens_nothing_is_asked(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    brief: Brief,
    configured: Callable[..., Any],
    endpoint: Any,
) -> None:
    endpoint.answers = [(200, REPLY)]
    asked = ("llm", brief, "model=m", f"server.base_url={endpoint.base_url}")
    LearnRules(configured("random", brief), None).run(RunFolder(folder))
    LearnRules(configured(*asked), 100).run(RunFolder(folder))
    empty = tmp_path_factory.mktemp("empty")
    LearnRules(configured(*asked), None).run(RunFolder(empty))
    assert (
        not (folder / RULES).exists() and not (empty / RULES).exists() and endpoint.requests == []
    )


def test_an_endpoint_that_is_down_is_said_leaves_no_file_and_is_asked_again(
    folder: Path,
    brief: Brief,
    configured: Callable[..., Any],
    endpoint: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.answers = [(500, "broken")]
    proposer = configured(
        "llm", brief, "model=m", f"server.base_url={endpoint.base_url}", "server.retries=0"
    )
    LearnRules(proposer, None).run(RunFolder(folder))
    assert (
        not (folder / RULES).exists()
        and "no design rules" in caplog.text
        and endpoint.base_url in caplog.text
    )
    endpoint.answers = [(200, REPLY)]
    LearnRules(proposer, None).run(RunFolder(folder))
    assert (folder / RULES).exists()


def test_killed_while_it_waits_for_the_reply_it_leaves_nothing_and_asks_again(
    folder: Path, brief: Brief, configured: Callable[..., Any], endpoint: Any
) -> None:
    endpoint.answers = [(200, "stall"), (200, REPLY)]
    stage = LearnRules(
        configured("llm", brief, "model=m", f"server.base_url={endpoint.base_url}"), None
    )
    asked = multiprocessing.get_context("spawn").Process(
        target=stage.run, args=(RunFolder(folder),)
    )
    asked.start()
    while not endpoint.requests:
        assert asked.is_alive()
        time.sleep(0.01)
    before = {path.name for path in folder.iterdir()}
    asked.kill()
    asked.join()
    assert before == {path.name for path in folder.iterdir()} and not (folder / RULES).exists()
    stage.run(RunFolder(folder))
    assert len(read_record(folder / RULES, DesignRules).rules) == 2
