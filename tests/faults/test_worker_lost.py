"""A worker that is killed, or for which memory does not suffice: its trial alone is tried once
more, elsewhere; then it has failed, with the reason.
"""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lmanet.errors import LostProcessError, TrainingError
from lmanet.execute import InProcess, Workers, workers
from lmanet.network import Architecture
from lmanet.run.records import Job, Outcome, Score, Status
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # starts processes

ARCHITECTURE = load_space("lmanet").sample(np.random.default_rng(0))
SCORE = Score(val_accuracy=0.5, val_macro_f1=0.5, val_calibration_error=0.1, seconds=1.0)
DIES_ONCE, DIES, WAITS, IS_ENDED = 1, 2, 3, 4


class TrainerDouble:
    """Stands in for a training: its seed says how it ends; each start is noted in the job's
    folder.
    """

    def train(self, job: Job) -> Score:
        assert job.folder
        with (job.folder / f"starts {job.number}").open("a") as file:
            file.write(f"{os.getpid()}\n")
        starts = len(started(job.folder, job.number))
        if job.seed == DIES or (job.seed == DIES_ONCE and starts == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if job.seed == IS_ENDED and starts == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        while job.seed == WAITS and not (job.folder / "may end").exists():
            time.sleep(0.02)
        return SCORE

    def screen(self, architecture: Architecture, seed: int) -> dict[str, float]:
        return {}


def started(folder: Path, number: int) -> list[int]:
    path = folder / f"starts {number}"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def drain(executor: Workers, count: int) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < count:
        outcomes.update({outcome.number: outcome for outcome in executor.collect(wait=True)})
    return outcomes


@pytest.fixture
def submitted(tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    made: list[Workers] = []

    def submit(*seeds: int, at_once: int = 1) -> Workers:
        executor = Workers(TrainerDouble(), workers=at_once, threads=1)
        made.append(executor)
        for number, seed in enumerate(seeds):
            executor.submit(
                Job(number=number, architecture=ARCHITECTURE, seed=seed, folder=tmp_path)
            )
        return executor

    yield submit
    for executor in made:
        executor.close()


def test_a_trial_whose_worker_is_killed_once_is_trained_elsewhere(submitted, tmp_path: Path):
    executor = submitted(WAITS, DIES_ONCE, 0, 0, at_once=2)
    outcomes = drain(executor, 3)
    assert {outcome.status for outcome in outcomes.values()} == {Status.TRAINED}
    first, second = started(tmp_path, 1)
    assert first != second
    (tmp_path / "may end").touch()
    assert drain(executor, 1)[0].status is Status.TRAINED
    starts = [len(started(tmp_path, number)) for number in range(4)]
    assert starts == [1, 2, 1, 1], "what was being trained goes on, what waited is not touched"


def test_a_trial_whose_worker_is_killed_twice_has_failed_with_the_reason(submitted, tmp_path: Path):
    outcomes = drain(submitted(DIES, 0), 2)
    assert outcomes[0].status is Status.FAILED
    assert "died twice while it trained this candidate (out of memory" in outcomes[0].error
    assert outcomes[1].status is Status.TRAINED and len(started(tmp_path, 0)) == 2


def test_a_worker_that_is_asked_to_end_is_lost_and_does_not_end_the_run(submitted, tmp_path: Path):
    assert drain(submitted(IS_ENDED), 1)[0].status is Status.TRAINED
    assert len(started(tmp_path, 0)) == 2


def test_a_worker_that_was_killed_while_it_waited_costs_no_trial(submitted, tmp_path: Path):
    executor = submitted(0)
    drain(executor, 1)
    os.kill(started(tmp_path, 0)[0], signal.SIGKILL)
    for number in (1, 2):
        executor.submit(Job(number=number, architecture=ARCHITECTURE, seed=0, folder=tmp_path))
    assert {each.status for each in drain(executor, 2).values()} == {Status.TRAINED}


def test_where_every_worker_dies_the_search_ends_with_a_sentence(
    submitted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workers, "MOST_LOST", 2)
    with pytest.raises(TrainingError, match="2 candidates in a row: the worker process died twice"):
        drain(submitted(DIES, DIES, DIES), 3)


def test_where_no_process_can_be_started_the_search_ends_with_a_sentence(submitted, tmp_path: Path):
    """The system is short of files here; it may be of memory. No other event would wake a search
    that waits.
    """
    executor = submitted(WAITS)
    while not (found := started(tmp_path, 0)):
        time.sleep(0.02)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))  # what is open already stays so
    try:
        os.kill(found[0], signal.SIGKILL)
        with pytest.raises(TrainingError, match=r"^no worker process can be started \(Too many"):
            executor.collect(wait=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_trial_that_loses_a_process_which_reads_images_is_trained_once_more():
    class Loses:
        def __init__(self, times: int) -> None:
            self.left = times

        def train(self, job: Job) -> Score:
            self.left -= 1
            if self.left >= 0:
                raise LostProcessError("a process that reads images was killed")
            return SCORE

    for times, status in ((1, Status.TRAINED), (2, Status.FAILED)):
        executor = InProcess(Loses(times))
        executor.submit(Job(number=0, architecture=ARCHITECTURE, seed=0))
        (outcome,) = executor.collect(wait=True)
        assert outcome.status is status
