"""The rule of auto on numbers, and in a process that has fewer cores than the machine."""

import logging
import multiprocessing
import os

import pytest
import torch

from lmanet.errors import ConfigError
from lmanet.execute import Auto, Workers
from lmanet.execute.auto import GIB
from lmanet.network import load_architecture
from lmanet.run.records import Job, Score


@pytest.mark.parametrize(
    ("cores", "workers", "threads", "expected"),
    [
        (1, None, None, (1, 1)),
        (2, None, None, (2, 1)),
        (16, None, None, (8, 2)),
        (16, 2, None, (2, 8)),
        (16, None, 4, (4, 4)),
        (2, None, 4, (1, 4)),
        (2, 3, None, (3, 1)),
    ],
)
def test_workers_and_threads_fill_the_cores(cores, workers, threads, expected):
    assert Auto().share_cores(cores, workers, threads)[:2] == expected


@pytest.mark.parametrize(
    ("free", "cores", "expected"),
    [([80 * GIB], 16, (4, 4)), ([80 * GIB, 9 * GIB], 16, (4, 4)), ([2 * GIB], 1, (1, 1))],
    ids=["the ceiling holds", "the fullest decides", "one at least"],
)
def test_gpus_take_what_their_memory_holds(free, cores, expected):
    assert Auto().share_gpus(free, cores, None)[:2] == expected


class ThreadCounter:
    """Tells, as the seconds of a training, how many threads it was given."""

    def train(self, job: Job) -> Score:
        return Score(val_accuracy=0.5, seconds=float(torch.get_num_threads()))


def run_on_cores(cores: set[int], spare: int, results) -> None:
    os.sched_setaffinity(0, cores)
    executor = Workers(ThreadCounter(), queue=0, auto=Auto(accelerator="cpu", spare_cores=spare))
    results.put(executor.capacity)


@pytest.mark.slow
@pytest.mark.parametrize("spare", [0, 1])
def test_only_the_cores_that_the_process_may_use_count(spare):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(
        target=run_on_cores, args=({min(os.sched_getaffinity(0))}, spare, results)
    )
    process.start()
    assert results.get(timeout=60) == 1
    process.join()


@pytest.mark.slow
def test_workers_get_their_threads_and_the_log_says_why(caplog):
    caplog.set_level(logging.INFO)
    executor = Workers(
        ThreadCounter(), workers=1, threads="auto", auto=Auto(accelerator="cpu", most=1)
    )
    assert "candidates at once: 1" in caplog.text and "cores" in caplog.text
    try:
        executor.submit(Job(number=0, architecture=load_architecture("lmanet_core"), seed=0))
        (outcome,) = executor.collect(wait=True)
    finally:
        executor.close()
    assert outcome.error is None and outcome.score.seconds == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("settings", [{"accelerator": "tpu"}, {"most": 0}, {"spare_cores": -1}])
def test_settings_that_no_machine_fits_are_refused(settings):
    with pytest.raises(ConfigError, match=r"conf/execute/workers\.yaml"):
        Auto(**settings)


@pytest.mark.parametrize("settings", [{"workers": "many"}, {"threads": 0}])
def test_neither_a_number_nor_auto_is_refused(settings):
    with pytest.raises(ConfigError, match="or auto"):
        Workers(ThreadCounter(), **settings)
