"""Runs in processes of their own, that can be killed, without the seconds that each would take to
import everything.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    """Starts runs; see ``driver_server.py``."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("driver_server.py")
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
        output.unlink(missing_ok=True)  # of a run before this one
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
