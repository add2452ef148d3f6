"""W&B itself, with a double of its server: parts of a run become one, a report is made, and a
server that is gone ends nothing.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from wandb_server import WandbServerDouble

from lmanet.network import load_architecture
from lmanet.run.brief import Budget
from lmanet.run.folder import FRONT, FULL
from lmanet.run.lines import append_record, write_record
from lmanet.run.records import Epoch, Front, Score
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id
from lmanet.track import WandbTracker

pytestmark = pytest.mark.slow  # starts W&B

NETWORK = load_architecture("lmanet_core")
GROUP = f"full/{architecture_id(NETWORK)}-0"
KEY = "0" * 40


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator:
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    double = WandbServerDouble()
    for name, value in (
        ("BASE_URL", double.url),
        ("API_KEY", KEY),
        ("CACHE_DIR", tmp_path / "c"),
        ("DATA_DIR", tmp_path / "d"),
    ):
        monkeypatch.setenv(f"WANDB_{name}", str(value))
    wandb.teardown()  # the service of an earlier test knows another server
    yield double
    wandb.teardown()
    double.close()


@pytest.fixture
def finished(tmp_path, trials) -> Path:
    """A run's folder after its stages; the accuracies stand for trainings."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_record(folder / FRONT, Front(hypervolume=0.2, trials=(trials[3], trials[0])))
    curve = tuple(
        Epoch(epoch=e, train_loss=1.0, val_loss=1.0, val_accuracy=0.5 + e / 10, seconds=1.0)
        for e in range(3)
    )
    score = Score(val_accuracy=0.7, seconds=3.0, curve=curve)
    append_record(
        folder / FULL,
        TrainedNetwork(
            stage="full", architecture=NETWORK, seed=0, score=score, checkpoint="full/x.ckpt"
        ),
    )
    return folder


def identity(folder: Path) -> str:
    return (folder / "wandb" / "run_id.txt").read_text()


def sync(folder: Path) -> subprocess.CompletedProcess:
    runs = map(str, sorted((folder / "wandb").glob("*run-*")))
    command = [sys.executable, "-m", "wandb", "sync", "--include-online", *runs]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )


def check_is_one_run(server, folder: Path) -> None:
    rows = server.rows(identity(folder))
    assert [row["_step"] for row in rows] == list(range(len(rows))), (
        "the second part goes on where the first ended"
    )
    assert [row["trial"] for row in rows if "score/seconds" in row] == [0, 3]
    assert [row[f"{GROUP}/epoch"] for row in rows if f"{GROUP}/epoch" in row] == [0, 1, 2]
    assert {"score/val_accuracy", "hypervolume", "status/trained", f"{GROUP}/*"} <= server.axes(
        identity(folder)
    )
    assert "*" not in server.axes(identity(folder)), "of two patterns that match, W&B takes either"


def test_parts_that_were_kept_offline_become_one_run_when_they_are_sent(
    server, finished, trials, tell
):
    tracker = WandbTracker(finished, "lmanet", mode="offline")
    tell(tracker, trials)
    tracker.on_run_end()
    assert len(list((finished / "wandb").glob("offline-run-*"))) == 2 and not server.history
    sent = sync(finished)
    assert sent.returncode == 0, sent.stderr
    check_is_one_run(server, finished)


def test_online_they_are_one_run_at_once_and_have_one_report(
    server, finished, trials, tell, caplog
):
    caplog.set_level(logging.INFO, "lmanet")
    tracker = WandbTracker(finished, "lmanet", mode="online", report=True)
    tell(tracker, trials)
    tracker.on_run_end()
    check_is_one_run(server, finished)
    (view,) = server.views
    spec = json.loads(view["spec"])
    (runs,) = {
        json.dumps(block["metadata"]["runSets"][0]["filters"])
        for block in spec["blocks"]
        if block["type"] == "panel-grid"
    }
    assert json.loads(runs)["filters"][0] == {
        "key": {"section": "run", "name": "name"},
        "op": "=",
        "value": identity(finished),
        "disabled": False,
    }
    assert all(
        words in view["spec"]
        for words in ("Hypervolume", "Pareto front", f"Training {GROUP}", "design_rules")
    )
    assert f"W&B report: {server.url}/someone/lmanet/reports/" in caplog.text
    tracker.on_run_end()
    assert [view["id"] for view in server.views] == [None, "VmlldzoxMjM0"], (
        "a resumed run writes the same report anew"
    )


def test_a_key_that_is_revoked_ends_no_search(server, finished, trials, tell, caplog):
    server.knows_key = False
    tell(WandbTracker(finished, "lmanet", mode="online"), trials)
    assert "W&B did not take this, and the run goes on" in caplog.text
    assert [row["trial"] for row in server.rows(identity(finished)) if "seconds" in row] == [
        0,
        1,
        2,
        3,
    ]


def test_a_server_that_goes_away_holds_no_run_up_and_all_can_be_sent_later(
    server, finished, trials, caplog, monkeypatch
):
    tracker = WandbTracker(finished, "lmanet", mode="online", wait_seconds=5)
    tracker.on_search_start([], Budget(proposals=2))
    tracker.on_trial_end(trials[0])
    server.close()
    tracker.on_trial_end(trials[3])
    tracker.on_search_end(trials, [])
    assert (
        "track.wandb.wait_seconds=5; nothing is lost: `wandb sync --include-online" in caplog.text
    )
    again = WandbServerDouble()
    monkeypatch.setenv("WANDB_BASE_URL", again.url)
    try:
        sent = sync(finished)
        assert sent.returncode == 0, sent.stderr
        assert [row["trial"] for row in again.rows(identity(finished))] == [0, 3]
    finally:
        again.close()
