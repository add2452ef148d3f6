"""A training that diverges, runs out of memory or hangs is ``failed`` or ``timed_out``, never on
the front, and gives its memory back.
"""

import gc
import os
import signal
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from lmanet.data import Mnist5k
from lmanet.errors import LostProcessError, TrainingTimeoutError
from lmanet.execute import Workers
from lmanet.execute.job import most_seconds, run_job
from lmanet.network import Architecture
from lmanet.run.records import Job, Outcome, Proposal, Score, Status, Trial, Verdict
from lmanet.space import load_space
from lmanet.train import Recipe, Trainer, watch
from lmanet.train.watch import hang_ended, named_errors

pytestmark = pytest.mark.slow  # trains

Made = Callable[..., Recipe]


def trial_of(outcome: Outcome, architecture: Architecture) -> Trial:
    return Trial(
        number=outcome.number,
        status=outcome.status,
        proposal=Proposal(proposer="test", architecture=architecture),
        verdict=Verdict(accepted=True),
        score=outcome.score,
        error=outcome.error,
        seed=0,
        started_at="",
        seconds=0.0,
        elapsed_seconds=0.0,
    )


class Augmented:
    """An augmentation to which something happens."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self.happens = happens

    def each(self, images: Tensor) -> Tensor:
        self.happens()
        return images

    def mix(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return images, targets


def test_a_training_that_diverges_has_failed(data: Mnist5k, small: Architecture, make_recipe: Made):
    recipe = make_recipe(optimizer=partial(torch.optim.SGD, lr=1e30))
    outcome = run_job(Trainer(data, recipe), Job(number=0, architecture=small, seed=0))
    assert outcome.status is Status.FAILED and "not finite" in outcome.error
    assert not trial_of(outcome, small).eligible


def test_a_training_that_runs_out_of_memory_has_failed_and_leaves_none_taken(
    data: Mnist5k, small: Architecture, make_recipe: Made, monkeypatch: pytest.MonkeyPatch
):
    """The true error of this machine's memory: an array that no machine can hold."""
    trainer = Trainer(data, make_recipe(augment=Augmented(lambda: np.empty(2**62, np.uint8))))
    built: list[weakref.ref[torch.nn.Module]] = []
    build = trainer.build

    def watched(architecture: Architecture, seed: int) -> torch.nn.Module:
        network = build(architecture, seed)
        built.append(weakref.ref(network))
        return network

    monkeypatch.setattr(trainer, "build", watched)
    outcome = run_job(trainer, Job(number=0, architecture=small, seed=0))
    assert outcome.status is Status.FAILED and "ran out of memory" in outcome.error
    assert not trial_of(outcome, small).eligible
    gc.collect()
    assert [each() for each in built] == [None]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_training_that_runs_out_of_a_gpus_memory_has_failed_and_the_next_one_trains(
    data: Mnist5k, small: Architecture, make_recipe: Made
):
    recipe = make_recipe(accelerator="gpu")
    job = Job(number=0, architecture=small, seed=0)
    assert run_job(Trainer(data, recipe), job).status is Status.TRAINED
    gc.collect()
    torch.cuda.empty_cache()
    before, room = torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[1]
    taken = torch.empty(0, dtype=torch.uint8)

    def fill() -> None:
        nonlocal taken
        taken = torch.empty(2 * room, dtype=torch.uint8, device="cuda")

    outcome = run_job(Trainer(data, make_recipe(accelerator="gpu", augment=Augmented(fill))), job)
    assert outcome.status is Status.FAILED and "ran out of memory" in outcome.error
    gc.collect()
    assert torch.cuda.memory_allocated() <= before + 2**20
    assert run_job(Trainer(data, recipe), job).status is Status.TRAINED


def test_a_training_that_hangs_within_a_step_is_timed_out(
    data: Mnist5k, small: Architecture, make_recipe: Made, monkeypatch: pytest.MonkeyPatch
):
    """It waits for images that never come, where the limit after each step is never looked at."""
    monkeypatch.setattr(watch, "GRACE_SECONDS", 0.5)
    recipe = make_recipe(max_seconds=0.5, augment=Augmented(lambda: time.sleep(600)))
    outcome = run_job(Trainer(data, recipe), Job(number=0, architecture=small, seed=0))
    assert outcome.status is Status.TIMED_OUT and "the training hung" in outcome.error
    assert not trial_of(outcome, small).eligible


def test_the_alarm_of_somebody_else_comes_when_it_would_have_come(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(watch, "GRACE_SECONDS", 0.0)
    heard: list[int] = []
    own = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    began, left = time.monotonic(), signal.setitimer(signal.ITIMER_REAL, 3.0)
    try:
        with pytest.raises(TrainingTimeoutError), hang_ended(0.1):
            time.sleep(5)
        assert not heard
        while not heard and time.monotonic() - began < 60:
            time.sleep(0.02)
        assert heard == [signal.SIGALRM] and time.monotonic() - began >= 3.0
    finally:
        signal.signal(signal.SIGALRM, own)
        signal.setitimer(signal.ITIMER_REAL, *left)


class Stuck:
    """Stands in for an operation of torch that never returns: no signal that can be caught ends
    it.
    """

    recipe = SimpleNamespace(max_seconds=1.0)

    def train(self, job: Job) -> Score:
        if job.seed:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            assert job.folder
            (job.folder / str(os.getpid())).touch()
            time.sleep(600)
        return Score(val_accuracy=0.5, seconds=1.0)


def test_a_worker_that_hangs_is_killed_and_what_waited_is_trained(tmp_path: Path):
    executor = Workers(Stuck(), workers=1, threads=1)
    architecture = load_space("lmanet").sample(np.random.default_rng(0))
    try:
        executor.submit(Job(number=0, architecture=architecture, seed=0))
        assert executor.collect(wait=True)[0].status is Status.TRAINED, "the process is warm"
        executor._workers[0].most_seconds = 1.0  # and not the minutes that a cold one is left
        executor.submit(Job(number=1, architecture=architecture, seed=1, folder=tmp_path))
        (outcome,) = executor.collect(wait=True)
        executor._workers[0].most_seconds = 120.0
        executor.submit(Job(number=2, architecture=architecture, seed=0))
        assert outcome.status is Status.TIMED_OUT and "its process was killed" in outcome.error
        assert len(list(tmp_path.iterdir())) == 1, "it is not tried again"
        assert executor.collect(wait=True)[0].status is Status.TRAINED
    finally:
        executor.close()
    assert most_seconds(Stuck()) > 61, "a cold process has time to start and to compile"


def test_a_process_that_reads_images_and_is_killed_is_told_from_a_faulty_network():
    said = "DataLoader worker (pid 7) is killed by signal: Killed. "
    with pytest.raises(LostProcessError, match=r"lower data\.loading"), named_errors():
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="shapes"), named_errors():
        raise RuntimeError("shapes do not match")
