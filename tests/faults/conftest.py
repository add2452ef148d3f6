"""Runs in processes of their own, that can be killed; and small things that every fault asks of
them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lmanet.data import Augment, Mnist5k, Split
from lmanet.network import Architecture
from lmanet.run.folder import RunFolder
from lmanet.train import Recipe, WarmupCosine

# A search of a table: 3,456 networks, and no training.
TABLE = ("+experiment=bench_lmanet", "propose=evolution", "budget.trained=null")


@dataclass
class Driver:
    """A run that was started.

    Attributes:
        id: of its process, and of the group of its children.
        output: all that it prints.
    """

    server: "Drivers"
    id: int
    output: Path

    def send(self, number: int, group: bool = False) -> None:
        """A signal to the process, or as by Ctrl-C to its children as well."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.id, number)

    def wait(self) -> int:
        """The exit code; negative where a signal ended it."""
        return int(self.server.ask(wait=self.id))

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def until(self, ready: Callable[[], bool], seconds: float = 300) -> None:
        """Wait for something that it does."""
        deadline = time.monotonic() + seconds
        while not ready():
            assert self.is_alive, f"ended too early:\n{self.said}"
            assert time.monotonic() < deadline, f"nothing happened:\n{self.said}"
            time.sleep(0.01)

    @property
    def is_alive(self) -> bool:
        stat = Path(f"/proc/{self.id}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"

    @property
    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""


class Drivers:
    """Starts runs; see ``server.py``."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("server.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        self.started: list[Driver] = []

    def close(self) -> None:
        """End what a test that failed has left."""
        for driver in self.started:
            if driver.is_alive:
                driver.send(signal.SIGKILL, group=True)
        self.process.communicate(timeout=60)

    def ask(self, **question: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, folder: Path, *arguments: str, **environment: str) -> Driver:
        """``python run.py ARGUMENTS`` in a folder."""
        output = folder / "output.txt"
        number = self.ask(
            start=arguments, folder=str(folder), output=str(output), environment=environment
        )
        self.started.append(Driver(self, number, output))
        return self.started[-1]

    def run(self, folder: Path, *arguments: str, **environment: str) -> str:
        """The same to its end, which must be good."""
        driver = self.start(folder, *arguments, **environment)
        assert driver.wait() == 0, driver.said
        return driver.said


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    server = Drivers()
    yield server
    server.close()


@pytest.fixture(scope="session")
def table() -> tuple[str, ...]:
    return TABLE


@pytest.fixture(scope="session")
def lines() -> Callable[[Path], int]:
    """How many whole lines a file has."""
    return lambda path: path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="session")
def found() -> Callable[[Path], list[Any]]:
    """What a search has found, without times and dates: its trials by number, and its front."""

    def found(folder: Path) -> list[Any]:
        run = RunFolder(folder)
        trials = sorted(run.history.read(), key=lambda trial: trial.number)
        front = run.front.read()
        told = (*trials, *(front.trials if front else ()))
        timeless = {"started_at": "", "seconds": 0.0, "elapsed_seconds": 0.0}
        return [trial.model_copy(update=timeless) for trial in told]

    return found


@pytest.fixture
def small(make) -> Architecture:
    """A network that trains in a second or two."""
    return make({"stride": 2}, {"stride": 2, "channels": 24})


@pytest.fixture
def data() -> Mnist5k:
    return Mnist5k(Split(val_fraction=0.2, max_train_images=160))


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    def make(**changes: Any) -> Recipe:
        settings: dict[str, Any] = {
            "epochs": 2,
            "batch_size": 32,
            "optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
            "schedule": WarmupCosine(0.5),
            "augment": Augment(crop_padding=2),
            "accelerator": "cpu",
        }
        return Recipe(**{**settings, **changes})

    return make
