"""Seconds of the quickstart, stage by stage, and what it found.

python benchmarks/quickstart_time.py

Wall seconds mean something on an idle machine alone; CPU seconds, of the run and of all that it
starts, are nearly the same on a busy one. A stage's seconds begin with its line in the log.
Further arguments are those of a run: `propose.prompt.rationale=true`.
"""

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from lmanet.run.folder import DEPLOYED, FRONT, HISTORY, TEST
from lmanet.run.lines import read_records
from lmanet.run.records import Front, Status, Trial

STAGE = re.compile(r"^[\d:]+ stage (\w+(, \w+)*)$")


class Mark(NamedTuple):
    """Where a stage began: seconds since the start, and of the CPU."""

    stage: str
    wall_seconds: float
    cpu_seconds: float


def main() -> None:
    """Run it once and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiment", default="quickstart")
    parser.add_argument(
        "--folder", type=Path, help="of the run; by default it is removed at the end"
    )
    given, overrides = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "run"
        marks = run([f"+experiment={given.experiment}", *overrides, f"hydra.run.dir={folder}"])
        print(f"{'stage':<16}{'wall s':>8}{'CPU s':>8}")
        for before, after in itertools.pairwise(marks):
            print(f"{before.stage:<16}{_of(before, after)}")
        print(f"{'in all':<16}{_of(marks[0], marks[-1])}")
        print(found(folder))


def run(overrides: list[str]) -> list[Mark]:
    """Start a run in a process; a mark at its start, at each stage and at its end."""
    started = time.monotonic()
    marks = [Mark("start", 0.0, 0.0)]
    with subprocess.Popen(
        [sys.executable, "-m", "lmanet", *overrides],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            if stage := STAGE.search(line):
                wall = time.monotonic() - started
                marks.append(Mark(stage[1], wall, cpu_seconds(process.pid)))
    wall = time.monotonic() - started
    ended = psutil.Process().cpu_times()  # the run was waited for, and it for all its own
    return [*marks, Mark("end", wall, ended.children_user + ended.children_system)]


def cpu_seconds(pid: int) -> float:
    """Of a process, of all that it started, and of what these have waited for."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:  # it has ended since
            continue
    return total


def found(folder: Path) -> str:
    """What the run came to, in lines."""
    trials = read_records(folder / HISTORY, Trial)
    front = Front.model_validate_json((folder / FRONT).read_bytes())
    trained = sum(trial.status is Status.TRAINED for trial in trials)
    tokens = sum(trial.proposal.usage.completion_tokens for trial in trials)
    lines = [
        f"{len(trials)} proposals, {trained} trained, {len(front.trials)} on the front, "
        f"hypervolume {front.hypervolume:.3f}, {tokens:,} tokens written"
    ]
    for name in (DEPLOYED, TEST):
        lines += [
            f"{name}: {_accuracies(line)}"
            for path in [folder / name]
            if path.is_file()
            for line in path.read_text().splitlines()
        ]
    return "\n".join(lines)


def _accuracies(line: str) -> dict[str, object]:
    return {name: value for name, value in json.loads(line).items() if "accura" in name}


def _of(before: Mark, after: Mark) -> str:
    wall, cpu = after.wall_seconds - before.wall_seconds, after.cpu_seconds - before.cpu_seconds
    return f"{wall:>8.1f}{cpu:>8.1f}"


if __name__ == "__main__":
    main()
