"""The comparison of language models: what is kept of runs, its table, and the page of its files."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from lmanet.claims.form import DownsamplesEarly
from lmanet.claims.kinds import Rationale
from lmanet.network import load_architecture
from lmanet.run.records import Proposal, Score, Status, Trial, Usage

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "docs" / "generate")]
page: Any = importlib.import_module("llm_results")
runs_of: Any = importlib.import_module("llm_runs")
table_of: Any = importlib.import_module("llm_table")
WAYS: Any = importlib.import_module("llm_ways").WAYS
del sys.path[:2]


def trial(number: int, accuracy: float | None, tokens: int = 0, **proposed: Any) -> Trial:
    usage = Usage(completion_tokens=tokens, requests=1)
    return Trial(
        number=number,
        status=Status.TRAINED if accuracy else Status.REJECTED,
        proposal=Proposal(**{"proposer": "m", "usage": usage, "role": "rank", **proposed}),
        score=Score(val_accuracy=accuracy, seconds=1.0) if accuracy else None,
        seed=0,
        started_at="",
        seconds=1.0,
        elapsed_seconds=1.0,
    )


def results(gain: float) -> dict[str, Any]:
    """A file as the command writes it: one way beats the sampler by ``gain`` points."""
    ways = {}
    for way, more, model in (("sampler", 0.0, False), ("TPE", 0.1, False), ("digits", gain, True)):
        scores = {str(seed): 70 + more + seed / 10 for seed in range(8)}
        ways[way] = {
            "model": model,
            "overrides": [],
            "accuracy": {"10": scores},
            "prompt_tokens_a_proposal": 900.0 if model else 0.0,
            "completion_tokens_a_proposal": 8.0 if model else 0.0,
            "seconds_a_proposal": 1.5,
            "price_a_run": 0.02 if model else None,
        }
    return {
        "model": "small",
        "bench": "cifar100",
        "networks": 10,
        "seeds": list(range(8)),
        "machine": "2 cores",
        "date": "2026-11-29",
        "lmanet": "0.1.0",
        "ways": ways,
    }


def test_the_best_of_the_first_trained_networks_counts() -> None:
    trials = [trial(0, 0.5), trial(1, None), trial(2, 0.7), trial(3, 0.9)]
    assert runs_of.best_after(trials, 2) == 70.0 and runs_of.best_after(trials, 3) == 90.0


def test_a_summary_holds_what_every_run_has_reached() -> None:
    runs = {
        seed: [trial(n, 0.5 + n / 100, tokens=4) for n in range(number)]
        for seed, number in ((0, 30), (1, 25))
    }
    found = runs_of.summary(runs, 30, WAYS["spoken"])
    assert list(found["accuracy"]) == ["10", "25"] and found["completion_tokens_a_proposal"] == 4
    assert found["accuracy"]["25"] == {"0": 74.0, "1": 74.0} and found["as_asked"] == 1
    assert runs_of.summary(runs, 30, None)["as_asked"] is None


def test_a_comparison_of_any_length_ends_at_its_number_of_networks() -> None:
    runs = {0: [trial(n, 0.5) for n in range(30)]}
    lengths = {number: list(runs_of.summary(runs, number, None)["accuracy"]) for number in (6, 10)}
    assert lengths == {6: ["6"], 10: ["10"]}
    assert list(runs_of.summary(runs, 30, None)["accuracy"]) == ["10", "25", "30"]


def test_networks_of_the_start_are_no_proposals_of_the_model() -> None:
    drawn = [trial(n, 0.5, proposer="random", role=None) for n in range(runs_of.START)]
    asked = [trial(runs_of.START + n, 0.6, tokens=9) for n in range(2)]
    found = runs_of.summary({0: [*drawn, *asked]}, 6, WAYS["spoken"])
    assert found["completion_tokens_a_proposal"] == 9 and found["as_asked"] == 1


def test_what_falls_back_is_not_as_asked() -> None:
    scored, spoken = '{"scores": [1.0, 0.5]}', '{"order": ["B"]}'
    way, steer = WAYS["digits"], WAYS["steer"]
    assert runs_of.is_as_asked(trial(9, 0.5, reply=scored), way)
    assert not runs_of.is_as_asked(trial(9, 0.5, reply=spoken), way)
    assert not runs_of.is_as_asked(trial(9, 0.5, reply=scored, role="generate"), way)
    assert not runs_of.is_as_asked(trial(9, None, reply="no", error="no JSON"), WAYS["as shipped"])
    held = trial(9, 0.5, role="steer", usage=Usage())  # the choice before holds
    assert runs_of.is_as_asked(held, steer)
    assert not runs_of.is_as_asked(trial(9, 0.5, role="rank", usage=Usage()), steer)


def test_claims_are_counted_with_what_chance_would_give() -> None:
    elite = load_architecture("lmanet_elite")
    early = Rationale(claims=(DownsamplesEarly(),), text="")
    said = [trial(9 + n, 0.5, architecture=elite, rationale=early, tokens=50) for n in range(2)]
    found = runs_of.truth({0: said, 1: []})
    assert (found["true"], found["false"], found["proposals"]) == (2, 0, 2)
    (sentence,) = table_of.answers({"claims": found})
    assert "2 of 2 are true, 100.0%" in sentence and "2 proposals of 2 seeds" in sentence
    (sentence,) = table_of.answers({"claims": runs_of.truth({0: [trial(9, 0.5)]})})
    assert sentence == "No claim in 1 proposals of 1 seeds could be told true or false."


def test_the_table_tells_what_differs() -> None:
    rows = list(table_of.table(results(1.0)))
    accuracies, tests = rows[: rows.index("")], rows[rows.index("") + 1 :]
    assert (
        len({row.count("|") for row in accuracies}) == len({row.count("|") for row in tests}) == 1
    )
    assert "| digits | 8 | 71.35 (0.24) |  | 900 + 8 | 1.5 | 0.0200 |" in accuracies
    assert tests[2:] == ["| digits | 10 | 0.016 (+1.00) |  | 0.016 (+1.00) |"]
    assert "(-1.00)" in list(table_of.table(results(-1.0)))[-1]


def test_each_number_of_networks_is_a_family_of_tests() -> None:
    found = results(1.0)
    for way in found["ways"].values():
        way["accuracy"]["25"] = way["accuracy"]["10"]
    *_, early, late = table_of.table(found)
    assert early == "| digits | 10 | 0.016 (+1.00) |  | 0.016 (+1.00) |"
    assert late == early.replace("| 10 |", "| 25 |")


def test_a_way_has_to_beat_the_rule_that_costs_nothing_too() -> None:
    found = results(1.0)
    found["ways"]["sampler, largest first"] = found["ways"]["sampler"]
    found["ways"]["digits"] |= {"as_asked": 0.84, "cached_tokens_a_proposal": 600.0}
    rows = list(table_of.table(found))
    # three tests in one family: 3 times 0.0078
    assert sum(row.count("0.023 (+1.00)") for row in rows) == 3
    assert any("| 84% | 900 (600 cached) + 8 |" in row for row in rows)


def test_a_way_is_tested_against_its_own_control_too() -> None:
    found = results(1.0)
    found["ways"] |= {"steer": found["ways"]["digits"], "bandit": found["ways"]["sampler"]}
    *_, head, _, digits, steer = table_of.table(found)
    assert head.endswith("against sampler | sampler, largest first | TPE | bandit |")
    # five tests in one family: 5 times 0.0078
    assert digits == "| digits | 10 | 0.039 (+1.00) |  | 0.039 (+1.00) |  |"
    assert steer == "| steer | 10 | 0.039 (+1.00) |  | 0.039 (+1.00) | 0.039 (+1.00) |"


def test_one_seed_has_neither_a_spread_nor_a_test() -> None:
    found = results(1.0)
    for way in found["ways"].values():
        way["accuracy"] = {"10": {"0": 71.0}}
    assert "| digits | 1 | 71.00 |  | 900 + 8 | 1.5 |" in list(table_of.table(found))[-1]


def test_ways_that_went_less_far_stand_in_the_same_table() -> None:
    found = results(1.0)
    found["ways"]["TPE"]["accuracy"] = {"25": {"0": 71.0, "1": 72.0}}
    rows = list(table_of.table(found))
    assert any("| sampler | 8 | 70.35 (0.24) |  |" in row for row in rows)
    assert any("| TPE | 2 |  | 71.50 (0.71) |" in row for row in rows)
    assert rows[-1] == "| digits | 10 | 0.008 (+1.00) |  |  |"  # alone in its family


def test_feedback_is_judged_by_the_best_way_that_it_can_be_taken_from() -> None:
    found = results(1.0)
    found["ways"]["spoken"] = found["ways"]["sampler"] | {"model": True}
    assert table_of.best_told(found, {"spoken"}) == "spoken"
    assert table_of.best_told(found, {"spoken", "digits"}) == "digits"
    assert table_of.best_told(found, {"pairs"}) is None
    reached = {str(seed): 71.0 + seed / 10 for seed in range(20, 28)}
    less = {seed: accuracy - 0.5 for seed, accuracy in reached.items()}
    told = {"way": "spoken", "networks": 25, "with": reached, "without": less}
    (sentence,) = table_of.answers({"feedback": told})
    assert "by `spoken`" in sentence and "p 0.008 (effect +1.00)" in sentence


def test_the_page_has_a_section_for_every_file_and_shows_no_strange_marks(tmp_path: Path) -> None:
    assert page.table(tmp_path) == page.NONE
    found = results(1.0) | {"model": "<script>alert(1)</script> | x", "left_out": "<b>", "way": 1}
    found["ways"]["![](http://x)"] = found["ways"].pop("digits")
    reached = {"1": 71.0, "2": 70.0}
    found["feedback"] = {"way": "<i>", "networks": 10, "with": reached, "without": reached}
    (tmp_path / "a.json").write_text(json.dumps(found))
    (tmp_path / "b.json").write_text(json.dumps(results(0.5) | {"random_start": 4}))
    text = page.table(tmp_path)
    assert text.count("\n### ") + text.startswith("### ") == 2
    assert "<" not in text and "![" not in text
    assert "Feedback against none, by `i`" in text and ", the first 4 at random, 2 cores" in text


def test_every_file_that_was_sent_in_makes_a_table() -> None:
    for path in (ROOT / "docs" / "llm_results").glob("*.json"):
        assert len(list(table_of.table(json.loads(path.read_text(encoding="utf-8"))))) > 2
