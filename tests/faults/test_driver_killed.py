"""SIGKILL of the driver, in the search and in every other stage: what was recorded stays, nothing
stands twice, and the run ends as if nothing had been.
"""

import json
import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lmanet.run.folder import RunFolder

pytestmark = pytest.mark.slow  # starts whole runs

KILLS, PROPOSALS = 100, 800
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STAGES = (
    *("search", "train", "teacher", "distill", "deploy", "explain", "evaluate", "release"),
    "report",
)


def more_lines(path: Path, than: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") > than


def has_said(driver: Any, text: str) -> bool:
    return text in driver.said


def test_a_search_that_is_killed_a_hundred_times_ends_as_if_it_had_not_been(
    drivers, table, found, tmp_path: Path
):
    """The kills come at moments that fit the machine: within the shortest start so far, or after a
    trial. A search that reaches its end is compared, and the next one takes the kills that are
    left.
    """
    settings = (*table, f"budget.proposals={PROPOSALS}")
    begun, whole = time.monotonic(), tmp_path / "whole" / "history.jsonl"
    driver = drivers.start(tmp_path, *settings, "hydra.run.dir=whole")
    driver.until(partial(more_lines, whole, 0))
    start_seconds = time.monotonic() - begun
    assert driver.wait() == 0, driver.said
    expected, moments = found(whole.parent), random.Random(0)
    folder, known, kills, ends = tmp_path / "run0", b"", 0, 0
    while kills < KILLS:
        assert ends < KILLS / 10, "the searches end before they are killed"
        history = folder / "history.jsonl"
        begun = time.monotonic()
        driver = drivers.start(tmp_path, *begin_or_resume(folder, settings))
        if moments.random() < 0.5:  # while it starts, or reads what it has
            time.sleep(moments.uniform(0, start_seconds))
        else:  # while it writes
            driver.until(partial(ended_or_more_lines, driver, history, known.count(b"\n")))
            start_seconds = min(start_seconds, time.monotonic() - begun)
            time.sleep(moments.uniform(0, 0.03))
        driver.send(signal.SIGKILL)
        code = driver.wait()
        now = history.read_bytes() if history.exists() else b""
        kept = known.rpartition(b"\n")[0]
        assert now.startswith(kept), "what was recorded stays"
        if code == -signal.SIGKILL:
            known, kills = now, kills + 1
        else:
            assert code == 0, driver.said
            check_undisturbed(folder, found(folder), expected)
            ends += 1
            folder, known = tmp_path / f"run{ends}", b""
    drivers.run(tmp_path, *begin_or_resume(folder, settings))
    check_undisturbed(folder, found(folder), expected)


def begin_or_resume(folder: Path, settings: Sequence[str]) -> list[str]:
    if (folder / "history.jsonl").exists():
        return [f"resume={folder.name}"]
    return [*settings, f"hydra.run.dir={folder.name}"]


def ended_or_more_lines(driver: Any, path: Path, than: int) -> bool:
    return not driver.is_alive or more_lines(path, than)


def check_undisturbed(folder: Path, told: list[Any], expected: list[Any]) -> None:
    assert told == expected
    numbers = [trial.number for trial in RunFolder(folder).history.read()]
    assert sorted(numbers) == list(range(PROPOSALS)), "none is lost, none stands twice"


def test_every_stage_goes_on_after_a_kill_and_after_a_signal(drivers, tmp_path: Path):
    """One run, which is killed in each stage, and at the next start in the same stage stopped."""
    every = f"stages=[{','.join(STAGES)}]"
    start, moments = ["+experiment=smoke", every, "hydra.run.dir=run"], random.Random(1)
    run = RunFolder(tmp_path / "run")
    for stage in STAGES:
        for number in (signal.SIGKILL, moments.choice(STOPS)):
            driver = drivers.start(tmp_path, *start)
            driver.until(partial(has_said, driver, f"stage {stage}"))
            time.sleep(moments.uniform(0, 0.3))
            driver.send(number)
            code = driver.wait()
            if run.history.path.exists():
                start = ["resume=run"]
            if code == 0:  # a short stage, and no other after it
                continue
            assert code == (-number if number == signal.SIGKILL else 128 + number), driver.said
            if number != signal.SIGKILL:
                assert "Traceback" not in driver.said
                last = driver.said.splitlines()[-1]
                assert last.endswith("go on with: python run.py resume=run"), driver.said
    drivers.run(tmp_path, *start)
    assert [len(each.read()) for each in (run.full, run.distilled, run.deployments)] == [1, 1, 1]
    numbers = [trial.number for trial in run.history.read()]
    assert sorted(numbers) == list(range(len(numbers)))
    assert {test.stage for test in run.tests.read()} == {"full", "distill", "deploy"}
    assert (tmp_path / "run" / "report.html").exists()
    left = [path.name for path in (tmp_path / "run").rglob("*") if ".partial" in path.name]
    assert not left and not list((tmp_path / "run").rglob("last.ckpt"))


def test_a_stage_that_asks_a_model_goes_on_after_a_kill_and_after_a_signal(
    drivers, table, tmp_path: Path
):
    drivers.run(tmp_path, *table, "budget.proposals=60", "hydra.run.dir=run")
    asked = threading.Event()

    class Model(BaseHTTPRequestHandler):
        """Stands in for a model: silent at first, and then it says no rule."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.set()
            if not answers.wait(60):
                return
            message = {"role": "assistant", "content": "no rule"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            body = json.dumps({"id": "1", "choices": [choice], "usage": usage}).encode()
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    answers = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"propose.server.base_url=http://127.0.0.1:{server.server_port}/v1"
        again = ["resume=run", "stages=[rules]", "propose=llm", "propose.model=m", url]
        for number in (signal.SIGKILL, signal.SIGTERM):
            asked.clear()
            driver = drivers.start(tmp_path, *again)
            driver.until(asked.is_set)
            driver.send(number)
            assert driver.wait() == (-9 if number == signal.SIGKILL else 143), driver.said
            assert not (tmp_path / "run" / "rules.json").exists()
        answers.set()
        drivers.run(tmp_path, *again)
        server.shutdown()
    rules = RunFolder(tmp_path / "run").rules.read()
    assert rules and rules.faults and not rules.rules


def test_a_sweep_goes_on_after_a_kill_and_after_a_signal(
    drivers, table, lines, found, tmp_path: Path
):
    sweep = ["-m", *table, "budget.proposals=40", "seed=0,1"]
    drivers.run(tmp_path, *sweep, "hydra.sweep.dir=whole")
    start = [*sweep, "hydra.sweep.dir=run"]
    for job, number in (("0", signal.SIGKILL), ("1", signal.SIGTERM), ("1", signal.SIGKILL)):
        history = tmp_path / "run" / job / "history.jsonl"
        driver = drivers.start(tmp_path, *start)
        driver.until(partial(more_lines, history, lines(history)))
        driver.send(number)
        assert driver.wait() == (-9 if number == signal.SIGKILL else 143), driver.said
        if number == signal.SIGTERM:
            assert driver.said.rstrip().endswith("go on with: python run.py resume=run")
        start = ["resume=run"]
    drivers.run(tmp_path, *start)
    for job in ("0", "1"):
        assert found(tmp_path / "run" / job) == found(tmp_path / "whole" / job)
