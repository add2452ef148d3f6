"""The comparison of language models: what the command keeps of runs, and the page of its files."""

import importlib.util
import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from lmanet.app.compose import CONF
from lmanet.run.records import Proposal, Score, Status, Trial, Usage

ROOT = Path(__file__).parents[2]


def module(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


bench = module("benchmarks/bench_llm.py")
page = module("docs/generate/llm_results.py")


def trial(number: int, accuracy: float | None, tokens: int = 0) -> Trial:
    return Trial(
        number=number,
        status=Status.TRAINED if accuracy else Status.REJECTED,
        proposal=Proposal(proposer="m", usage=Usage(completion_tokens=tokens, requests=1)),
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
    assert bench.best_after(trials, 2) == 70.0 and bench.best_after(trials, 3) == 90.0


def test_a_summary_holds_what_every_run_has_reached() -> None:
    runs = {
        seed: [trial(n, 0.5 + n / 100, tokens=4) for n in range(number)]
        for seed, number in ((0, 30), (1, 25))
    }
    found = bench.summary(runs, 30)
    assert list(found["accuracy"]) == ["10", "25"] and found["completion_tokens_a_proposal"] == 4
    assert found["accuracy"]["25"] == {"0": 74.0, "1": 74.0}


def test_a_shorter_comparison_ends_at_its_number_of_networks() -> None:
    runs = {0: [trial(n, 0.5) for n in range(30)]}
    assert list(bench.summary(runs, 10)["accuracy"]) == ["10"]


def test_the_table_tells_what_differs() -> None:
    rows = list(bench.table(results(1.0)))
    assert len({row.count("|") for row in rows}) == 1
    assert (
        "| digits | 8 | 71.35 (0.24) | 0.016 (+1.00) | 0.016 (+1.00) | 900 + 8 | 1.5 |" in rows[-1]
    )
    assert "0.008" not in rows[-1] and "(-1.00)" in list(bench.table(results(-1.0)))[-1]


def test_one_seed_has_neither_a_spread_nor_a_test() -> None:
    found = results(1.0)
    for way in found["ways"].values():
        way["accuracy"] = {"10": {"0": 71.0}}
    assert "| digits | 1 | 71.00 |  |  | 900 + 8 | 1.5 |" in list(bench.table(found))[-1]


def test_the_page_has_a_section_for_every_file_and_shows_no_strange_marks(tmp_path: Path) -> None:
    assert page.table(tmp_path) == page.NONE
    found = results(1.0) | {"model": "<script>alert(1)</script> | x"}
    found["ways"]["![](http://x)"] = found["ways"].pop("digits")
    (tmp_path / "a.json").write_text(json.dumps(found))
    (tmp_path / "b.json").write_text(json.dumps(results(0.5)))
    text = page.table(tmp_path)
    assert text.count("\n### ") + text.startswith("### ") == 2
    assert "<" not in text and "![" not in text


def test_every_file_that_was_sent_in_makes_a_table() -> None:
    for path in (ROOT / "docs" / "llm_results").glob("*.json"):
        assert len(list(bench.table(json.loads(path.read_text(encoding="utf-8"))))) > 2


@pytest.mark.parametrize("way", bench.WAYS)
def test_every_way_is_a_legal_setup(way: str) -> None:
    from hydra import compose, initialize_config_dir

    server = "http://127.0.0.1:8000/v1" if way in list(bench.WAYS)[::2] else None
    options = Namespace(model="a b=c.gguf", base_url=server, api_key_env=None, price=(1, 2, 3))
    overrides = [*bench.BENCHES["cifar100"], *bench.asking(options, bench.WAYS[way])]
    with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        config = compose("config", overrides)
    assert config.propose.model == "a b=c.gguf" and config.propose.sampling.price.completion == 3


@pytest.mark.parametrize(
    ("control", "name"),
    [
        *((control, "lmanet") for control in bench.CONTROLS),
        *(("sampler", name) for name in bench.BENCHES if name != "lmanet"),
    ],
)
def test_every_control_is_a_legal_setup(control: str, name: str) -> None:
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        assert compose("config", [*bench.BENCHES[name], *bench.CONTROLS[control]]).propose


@pytest.mark.slow  # starts a program
def test_a_comparison_that_was_stopped_goes_on(tmp_path: Path) -> None:
    def command(networks: int) -> str:
        program = [
            sys.executable,
            str(ROOT / "benchmarks" / "bench_llm.py"),
            str(tmp_path / "runs"),
        ]
        which = ["--ways", "--controls", "sampler", "--seeds", "0", "--networks", str(networks)]
        done = subprocess.run(
            [*program, *which, "--results", str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    command(3)
    (history,) = tmp_path.rglob("history.jsonl")
    first = history.read_text().splitlines()
    assert len(first) == 3 and "| sampler | 1 |" in command(10)
    assert history.read_text().splitlines()[:3] == first
    (file,) = tmp_path.glob("*.json")
    assert list(json.loads(file.read_text())["ways"]["sampler"]["accuracy"]) == ["10"]
    shutil.rmtree(tmp_path / "runs")
