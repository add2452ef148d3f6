"""Candidates trained in worker processes on this machine, so that the next is proposed meanwhile."""

import logging
import multiprocessing
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lmanet.errors import ConfigError
from lmanet.execute.job import run_job
from lmanet.records import Job, Outcome, Status
from lmanet.steps import Trainer

log = logging.getLogger(__name__)
_trainer: Trainer


class Workers:
    """A pool of processes that live as long as the search; each trains one candidate at a time.

    Args:
        trainer: is sent to each worker once, by pickle.
        workers: processes.
        threads: CPU threads of each worker; None leaves torch's default.
        queue: jobs that may wait for a worker, so that none is idle while the next proposal is awaited.
    """

    def __init__(self, trainer: Trainer, workers: int = 1, threads: int | None = None, queue: int = 1) -> None:
        if workers < 1 or queue < 0:
            raise ConfigError(f"execute: workers={workers}, queue={queue}; at least 1 worker and a queue of 0 (conf/execute/workers.yaml)")
        self.capacity = workers + queue
        self._settings = (trainer, workers, threads)
        self._pool: ProcessPoolExecutor | None = None
        self._jobs: dict[Future[Outcome], Job] = {}

    def submit(self, job: Job) -> None:
        self._jobs[self._submit(job)] = job

    def collect(self, wait: bool) -> list[Outcome]:
        done = _finished(self._jobs, wait)
        return [self._outcome(future, self._jobs.pop(future)) for future in done]

    def close(self) -> None:
        """Stop at once: running jobs are given up, their trials were never recorded."""
        if self._pool:
            for process in list(self._pool._processes.values()):
                process.terminate()
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None
        self._jobs.clear()

    def _submit(self, job: Job) -> Future[Outcome]:
        if self._pool is None:
            trainer, workers, threads = self._settings
            context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
            self._pool = ProcessPoolExecutor(workers, context, _start_worker, (trainer, threads, context.Value("i", 0)))
        try:
            return self._pool.submit(_train, job)
        except BrokenProcessPool:
            self._pool = None
            return self._submit(job)

    def _outcome(self, future: "Future[Outcome]", job: Job) -> Outcome:
        try:
            return future.result()
        except BrokenProcessPool:
            self._pool = None
            log.warning("a worker died while it trained trial %d", job.number)
            reason = "the worker process died (out of memory, or killed); see execute.workers and the machine's log"
            return Outcome(number=job.number, status=Status.FAILED, error=reason)


def _finished(jobs: dict[Future[Outcome], Job], wait_for_one: bool) -> list[Future[Outcome]]:
    if not jobs:
        return []
    done, _ = wait(jobs, timeout=None if wait_for_one else 0, return_when=FIRST_COMPLETED)
    return sorted(done, key=lambda future: jobs[future].number)


def _start_worker(trainer: Trainer, threads: int | None, counter: Any) -> None:
    global _trainer
    import torch

    with counter.get_lock():
        rank = counter.value
        counter.value += 1
    if torch.cuda.device_count() > 1:
        torch.cuda.set_device(rank % torch.cuda.device_count())
    if threads:
        torch.set_num_threads(threads)
    _trainer = trainer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # the run was killed: nobody waits for the result


def _train(job: Job) -> Outcome:
    return run_job(_trainer, job)
