"""The comparison of language models as a command: its setups, a stop, and a server that is not
there.
"""

import importlib
import json
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from lmanet.app.compose import CONF

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
bench: Any = importlib.import_module("bench_llm")
ways: Any = importlib.import_module("llm_ways")
del sys.path[0]
NASBENCH = ways.BENCHES["cifar100"]


def composed(*overrides: str) -> Any:
    with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        return compose("config", list(overrides))


def options_of(**given: Any) -> Namespace:
    nobody = {"model": None, "base_url": None, "api_key_env": None, "price": None, "also": []}
    return Namespace(**(nobody | given))


@pytest.mark.parametrize("way", ways.WAYS)
def test_every_way_is_a_legal_setup(way: str) -> None:
    server = "http://127.0.0.1:8000/v1" if way in list(ways.WAYS)[::2] else None
    options = options_of(model="a b=c.gguf", base_url=server, price=(1, 2, 3))
    config = composed(*NASBENCH, *bench.asking(options, ways.WAYS[way].overrides))
    assert config.propose.model == "a b=c.gguf" and config.propose.sampling.price.completion == 3
    role = ways.WAYS[way].role
    assert role is None or list(config.propose.strategy.roles) == [role]


@pytest.mark.parametrize("way", [way for way, each in ways.WAYS.items() if each.told])
def test_feedback_can_be_taken_from_every_way_that_is_told(way: str) -> None:
    own = [*ways.WAYS[way].overrides, "feedback=none"]
    config = composed(*NASBENCH, *bench.asking(options_of(), own))
    assert config.feedback._target_ == "lmanet.feedback.NoFeedback"


def test_a_way_that_was_chosen_among_others_is_judged_on_other_seeds() -> None:
    assert list(bench.unbiased_seeds([0, 1, 4], ["spoken", "digits"])) == [5, 6, 7]
    assert bench.unbiased_seeds([40, 41], ["digits"]) == [40, 41]


@pytest.mark.parametrize(
    ("control", "name"),
    [
        *((control, "lmanet") for control in ways.CONTROLS),
        *(("sampler", name) for name in ways.BENCHES if name != "lmanet"),
    ],
)
def test_every_control_is_a_legal_setup(control: str, name: str) -> None:
    assert composed(*ways.BENCHES[name], *ways.CONTROLS[control]).propose


@pytest.mark.parametrize("proposer", ["embedded", "llm"])
@pytest.mark.parametrize("control", ["sampler", "forest"])
def test_a_control_draws_what_the_model_is_offered(control: str, proposer: str) -> None:
    model = ["propose.model=m"] if proposer == "llm" else []
    asked = composed(*ways.BENCHES["lmanet"], f"propose={proposer}", *model, *ways.PLAIN).propose
    drawn = composed(*ways.BENCHES["lmanet"], *ways.CONTROLS[control]).propose
    assert drawn.niches == asked.strategy.niches
    for name in ("candidates", "explore", "parents", "listed"):
        assert drawn.rank[name] == asked.team.rank[name], name


def test_imagenet_is_measured_on_seeds_that_nothing_was_chosen_by() -> None:
    developed = {
        seed for bench, seeds in ways.SEEDS.items() for seed in seeds if bench == "cifar100"
    }
    assert not developed & set(ways.SEEDS["imagenet16"]) and len(ways.SEEDS["imagenet16"]) == 20


def test_what_earlier_commands_measured_stays_in_the_file(tmp_path: Path) -> None:
    options = options_of(bench="cifar100", results=tmp_path)
    row = {"accuracy": {"10": {"0": 70.0, "1": 71.0}}, "model": False}
    bench.keep({"ways": {"TPE": row, "a way of before": row}, "random_start": ways.START}, options)
    found = bench.kept(bench.file_of(options))
    assert found["ways"] == {"TPE": row} and (found["seeds"], found["networks"]) == ([0, 1], 10)
    bench.keep({"ways": {"TPE": row}}, options)
    assert bench.kept(bench.file_of(options)) == {"ways": {}}  # another start


class _Silent(BaseHTTPRequestHandler):
    """Answers with one letter and no probabilities."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "A"}
        body = json.dumps({"choices": [{"message": message, "finish_reason": "length"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def silent() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_ways_by_probabilities_are_left_out_where_a_server_gives_none(silent: str) -> None:
    options = options_of(model="m", base_url=silent, ways=["spoken", "digits"], questions=())
    assert bench.answerable(options) == ["spoken"]


def test_a_server_that_is_not_there_is_named_before_any_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = [str(tmp_path / "runs"), "--results", str(tmp_path)]
    who = ["--model", "m", "--base-url", "http://127.0.0.1:1/v1"]
    monkeypatch.setattr(sys, "argv", ["bench_llm.py", *where, *who])
    with pytest.raises(SystemExit, match=r"no server answers at http://127\.0\.0\.1:1/v1") as end:
        bench.main()
    assert bench.GO_ON in str(end.value) and not list(tmp_path.iterdir())


@pytest.mark.slow  # starts a program
def test_a_comparison_that_was_stopped_goes_on(tmp_path: Path) -> None:
    def command(networks: int) -> str:
        program = [sys.executable, str(ROOT / "benchmarks" / "bench_llm.py")]
        where = [str(tmp_path / "runs"), "--results", str(tmp_path)]
        which = ["--ways", "--questions", "--controls", "sampler", "--seeds", "0"]
        whole = [*program, *where, *which, "--networks", str(networks)]
        return subprocess.run(whole, check=True, capture_output=True, text=True).stdout

    command(ways.START + 1)
    (history,) = tmp_path.rglob("history.jsonl")
    first = history.read_text().splitlines()
    proposers = [json.loads(line)["proposal"]["proposer"] for line in first]
    assert proposers == ["random"] * ways.START + ["sampler"]
    assert "| sampler | 1 |" in command(10)
    assert history.read_text().splitlines()[: len(first)] == first
    (file,) = tmp_path.glob("*.json")
    assert list(json.loads(file.read_text())["ways"]["sampler"]["accuracy"]) == ["10"]
