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

ROOT = Path(__file__).parents[2]
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
    """Of nodes and driver: one token, short paths for Ray's sockets, one thread a worker."""
    own = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
    return {**os.environ, **own}


@contextmanager
def node(env: dict[str, str], output: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node of one core, started as one is on any machine."""
    with output.open("ab") as written:
        process = subprocess.Popen(
            [RAY, "start", "--block", "--num-cpus=1", "--num-gpus=0", *options],
            env=env,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        kill(process)


@contextmanager
def cluster(env: dict[str, str], folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Two nodes: their address, and the one that does not lead."""
    port = random.randint(*PORTS)
    address = f"{socket.gethostbyname(socket.gethostname())}:{port}"
    written = folder / "head.txt", folder / "second.txt"
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as places,
        node(
            env,
            written[0],
            "--head",
            f"--port={port}",
            f"--temp-dir={places}",
            "--include-dashboard=false",
        ),
    ):
        wait_for_port(port)
        with node(env, written[1], f"--address={address}") as second:
            try:
                wait_for_nodes(2, address, env)
            except subprocess.TimeoutExpired:
                pytest.fail("\n".join(path.read_text(errors="replace") for path in written))
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


def search(folder: Path, env: dict[str, str], *settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "run.py", *SEARCH, f"hydra.run.dir={folder}", *settings],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
        together = search(
            tmp_path / "together",
            cluster_env,
            "execute=ray",
            f"execute.engine.address={address}",
            "execute.engine.auto.accelerator=cpu",
        )
        wait_until(lambda: trials(tmp_path / "together") and has_worker(second), together)
        time.sleep(0.5)  # it has been handed a call by then
        kill(second)
        output = together.communicate(timeout=400)[0]
    assert together.returncode == 0, output
    assert "on 2 nodes of the Ray cluster" in output, output
    assert "a worker was lost with call" in output, output
    numbers = [trial["number"] for trial in trials(tmp_path / "together")]
    assert sorted(numbers) == list(range(len(numbers))), "none is lost, and none is there twice"
    assert what_matters(tmp_path / "together") == what_matters(tmp_path / "alone")


def wait_for_port(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as found:
            return found.connect_ex((socket.gethostname(), port)) == 0

    wait_until(answers, seconds=JOIN_SECONDS)


def wait_for_nodes(number: int, address: str, env: dict[str, str]) -> None:
    """A search divides the nodes that have joined when it asks for its first worker."""
    program = (
        "import ray, time\n"
        f"ray.init({address!r}, logging_level='ERROR')\n"
        f"while sum(node['Alive'] for node in ray.nodes()) < {number}:\n"
        "    time.sleep(0.1)\n"
    )
    subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=JOIN_SECONDS)


def wait_until(happens, search: subprocess.Popen[str] | None = None, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        if search is not None:
            assert search.poll() is None, search.communicate()[0]
        time.sleep(0.1)
