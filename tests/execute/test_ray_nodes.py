"""A search on two nodes of a Ray cluster, of which one is killed in the middle."""

import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

JOIN_SECONDS = 90
PORTS = (20_000, 30_000)  # below those that a system gives away by itself
RAY = Path(sys.executable).with_name("ray")
SEARCH = (
    "+experiment=smoke",
    "stages=[search]",
    "seed=1",
    "budget={proposals:6,trained:null,seconds:null}",
    "train.mini.recipe.accelerator=cpu",
    "train.mini.recipe.epochs=6",
    "train.mini.recipe.max_seconds=null",  # on a busy machine one had taken two minutes
    "data.split.max_train_images=300",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
)
pytestmark = [
    pytest.mark.slow,  # starts a cluster, trains
    pytest.mark.skipif(
        not find_spec("ray"), reason="the package ray is not installed: pip install 'lmanet[ray]'"
    ),
]


@pytest.fixture
def cluster_env() -> dict[str, str]:
    """Of nodes and driver: one token, one thread a worker."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def node(env: dict[str, str], output: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node of one core, started as one is on any machine."""
    with output.open("ab") as written:
        process = subprocess.Popen(
            [RAY, "start", "--block", "--num-cpus=1", "--num-gpus=0", *options],
            env={**os.environ, **env},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_start(process, output)
        yield process
    finally:
        kill(process)


@contextmanager
def cluster(env: dict[str, str], folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Two nodes: their address, and the one that does not lead."""
    port = random.randint(*PORTS)
    address = f"{socket.gethostbyname(socket.gethostname())}:{port}"
    leading = ("--head", f"--port={port}", "--include-dashboard=false")
    with (
        # Ray's sockets want short paths
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as places,
        node(env, folder / "head.txt", *leading, f"--temp-dir={places}"),
        node(env, folder / "second.txt", f"--address={address}") as second,
    ):
        yield address, second


def has_worker(node: subprocess.Popen[bytes]) -> bool:
    """Whether a worker of a node has started: Ray names a process by what it was asked last."""
    for each in psutil.Process(node.pid).children(recursive=True):
        try:
            name = " ".join(each.cmdline()).strip()
        except psutil.Error:  # it has ended
            continue
        if name in {"ray::RayWorker", "ray::RayWorker.run", "ray::RayWorker.news"}:
            return True
    return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """All of a node at once, as a power cut does."""
    if process.poll() is None:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            try:
                os.kill(each.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()


def trials(folder: Path) -> list[dict]:
    history = folder / "history.jsonl"
    lines = history.read_text().splitlines() if history.exists() else []
    return [json.loads(line) for line in lines]


def what_matters(folder: Path) -> dict[int, tuple]:
    """Number -> network, seed, status and accuracy."""
    return {
        trial["number"]: (
            trial["proposal"]["architecture"],
            trial["seed"],
            trial["status"],
            (trial["score"] or {}).get("val_accuracy"),
        )
        for trial in trials(folder)
    }


def test_a_node_that_is_killed_costs_no_trial_and_the_history_is_that_of_one_process(
    drivers, tmp_path: Path, cluster_env
):
    drivers.run(tmp_path, *SEARCH, "hydra.run.dir=alone")
    with cluster(cluster_env, tmp_path) as (address, second):
        on_ray = (
            "execute=ray",
            f"execute.engine.address={address}",
            "execute.engine.auto.accelerator=cpu",
        )
        driver = drivers.start(tmp_path, *SEARCH, *on_ray, "hydra.run.dir=together", **cluster_env)
        driver.until(lambda: bool(trials(tmp_path / "together")) and has_worker(second))
        time.sleep(0.5)  # it has been handed a call by then
        kill(second)
        assert driver.wait() == 0, driver.said
    assert "on 2 nodes of the Ray cluster" in driver.said, driver.said
    assert "a worker was lost with call" in driver.said, driver.said
    numbers = [trial["number"] for trial in trials(tmp_path / "together")]
    assert sorted(numbers) == list(range(len(numbers))), "none is lost, and none is there twice"
    assert what_matters(tmp_path / "together") == what_matters(tmp_path / "alone")


def wait_for_start(node: subprocess.Popen[bytes], output: Path) -> None:
    """A node says so once the cluster knows it. A search divides the nodes that have joined when it
    asks for its first worker.
    """
    deadline = time.monotonic() + JOIN_SECONDS
    while "Ray runtime started." not in (said := output.read_text(errors="replace")):
        assert node.poll() is None and time.monotonic() < deadline, said
        time.sleep(0.1)
