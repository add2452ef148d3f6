"""A real small run, exported, stands in optuna-dashboard."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from lmanet.app import Run
from lmanet.run.records import Trial

pytestmark = pytest.mark.slow  # runs whole searches

SMALL = (
    "+experiment=smoke",
    "propose=evolution",
    "data.split.max_train_images=200",
    "train.mini.recipe.epochs=1",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
    "stages=[search,export]",
    "budget={proposals:5,trained:2}",
)


def get(url: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_dashboard_shows_the_run(composed, tmp_path: Path) -> None:
    Run(composed(*SMALL, f"folder={tmp_path}")).start()
    trials = [
        Trial.model_validate_json(line)
        for line in (tmp_path / "history.jsonl").read_bytes().split(b"\n")[:-1]
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("optuna-dashboard"),
        tmp_path / "optuna_journal.log",
        "--port",
        str(port),
        "--server",
        "wsgiref",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/api/studies"
        (summary,) = get(address)["study_summaries"]
        study = get(f"{address}/{summary['study_id']}")
    finally:
        process.terminate()
        process.wait(10)
    assert summary["study_name"] == tmp_path.name
    assert study["objective_names"] == ["val_accuracy", "macs", "peak_sram_bytes"]
    shown = [
        attr["value"]
        for trial in study["trials"]
        for attr in trial["user_attrs"]
        if attr["key"] == "id"
    ]
    assert sorted(shown) == sorted(trial.id for trial in trials)
    best = max(
        (trial for trial in trials if trial.score), key=lambda trial: trial.score.val_accuracy
    )
    assert best.score.val_accuracy == max(
        trial["values"][0] for trial in study["trials"] if trial["state"] == "Complete"
    )
