"""The contract that every executor keeps."""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from lmanet.errors import ConfigError, DataError, TrainingError, TrainingTimeoutError
from lmanet.execute import InProcess, Workers
from lmanet.execute.job import run_job
from lmanet.network import Architecture
from lmanet.run.records import Job, Outcome, Score, Status
from lmanet.space import load_space
from lmanet.stop import Stopped, stoppable

pytestmark = pytest.mark.slow  # trains


class TrainerDouble:
    """Stands in for a training: its seed says how it ends."""

    def train(self, job: Job) -> Score:
        seed = job.seed
        if seed == 1:
            raise TrainingError("the loss is not finite")
        if seed == 2:
            raise TrainingTimeoutError("stopped after 1 s")
        if seed == 3:
            raise ZeroDivisionError("a bug")
        if seed == 6:
            raise DataError("photo.png cannot be read")
        if seed == 5:
            time.sleep(60)
        if seed == 7:
            with suppress(Stopped):
                os.kill(os.getpid(), signal.SIGTERM)
            raise RuntimeError("DataLoader worker exited unexpectedly")
        return Score(
            val_accuracy=0.5,
            val_macro_f1=0.5,
            val_calibration_error=0.1,
            seconds=float(os.getpid()),
        )

    def screen(self, architecture: Architecture, seed: int) -> dict[str, float]:
        return {"params": 12.0}


ARCHITECTURE = load_space("lmanet").sample(np.random.default_rng(0))


def job(number: int, seed: int = 0) -> Job:
    return Job(number=number, architecture=ARCHITECTURE, seed=seed)


def test_what_a_stop_breaks_off_is_no_failed_candidate():
    """Where a library makes another error of it: the history would lay it on the candidate."""
    with pytest.raises(Stopped), stoppable():
        run_job(TrainerDouble(), job(0, seed=7))


def drain(executor, count: int) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < count:
        outcomes.update({outcome.number: outcome for outcome in executor.collect(wait=True)})
    return outcomes


@pytest.fixture(params=[InProcess, Workers])
def executor(request):
    executor = request.param(TrainerDouble())
    yield executor
    executor.close()


def test_each_job_has_one_outcome_with_its_status(executor):
    expected = [Status.TRAINED, Status.FAILED, Status.TIMED_OUT, Status.FAILED]
    for seed, status in enumerate(expected):
        executor.submit(job(10 + seed, seed))
        outcome = drain(executor, 1)[10 + seed]
        assert outcome.status is status
        assert (outcome.score is not None) == (status is Status.TRAINED)
        assert (outcome.error is not None) == (status is not Status.TRAINED)
    assert executor.collect(wait=False) == []
    assert executor.collect(wait=True) == [], "with nothing pending nobody waits"


def test_a_job_that_stops_early_is_paused_and_one_of_no_epochs_only_measured(executor):
    executor.submit(job(0).model_copy(update={"epochs": 3}))
    paused = drain(executor, 1)[0]
    assert paused.status is Status.PAUSED and paused.score and paused.zero_cost is None
    executor.submit(job(1).model_copy(update={"epochs": 0}))
    measured = drain(executor, 1)[1]
    assert (
        measured.status is Status.PAUSED
        and measured.score is None
        and measured.zero_cost == {"params": 12.0}
    )


def test_close_may_be_called_twice_and_before_any_job(executor):
    executor.close()
    executor.close()


def test_a_setting_that_fits_no_candidate_ends_the_search():
    class Unfit:
        def train(self, job: Job) -> Score:
            raise ConfigError("take another")

    executor = InProcess(Unfit())
    executor.submit(job(0))
    with pytest.raises(ConfigError, match="take another"):
        executor.collect(wait=True)


def test_images_that_cannot_be_read_end_the_search(executor):
    executor.submit(job(0, seed=6))
    with pytest.raises(DataError, match=r"^photo.png cannot be read$"):
        executor.collect(wait=True)


def test_workers_train_beside_this_process():
    executor = Workers(TrainerDouble(), workers=2, queue=0, threads=1)
    try:
        executor.submit(job(0, seed=5))
        executor.submit(job(1))
        (outcome,) = drain(executor, 1).values()
        assert outcome.number == 1 and outcome.score.seconds != os.getpid()
        start = time.monotonic()
    finally:
        executor.close()
    assert time.monotonic() - start < 20, "close does not wait for a training"


def be_killed_while_training(note: Path) -> None:
    executor = Workers(TrainerDouble())
    executor.submit(job(0))
    (outcome,) = drain(executor, 1).values()
    note.write_text(str(int(outcome.score.seconds)))
    executor.submit(job(1, seed=5))
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_end_with_the_run_that_was_killed(tmp_path: Path):
    run = multiprocessing.get_context("spawn").Process(
        target=be_killed_while_training, args=(tmp_path / "worker",)
    )
    run.start()
    run.join()
    worker = int((tmp_path / "worker").read_text())
    deadline = time.monotonic() + 60
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(worker)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("settings", [{"workers": 0}, {"queue": -1}])
def test_a_pool_without_workers_is_refused(settings):
    with pytest.raises(ConfigError, match="at least 1 worker"):
        Workers(TrainerDouble(), **settings)
