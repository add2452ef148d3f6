"""Candidates trained in worker processes on this machine, so that the next is proposed meanwhile."""

import logging
import multiprocessing
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lmanet.errors import ConfigError
from lmanet.execute.auto import Auto
from lmanet.execute.job import run_job
from lmanet.records import Job, Outcome, Status
from lmanet.steps import Trainer

log = logging.getLogger(__name__)
AUTO = "auto"
_trainer: Trainer


class Workers:
    """A pool of processes that live as long as the search; each trains one candidate at a time.

    Args:
        trainer: is sent to each worker once, by pickle.
        workers: processes; ``auto`` asks ``auto``.
        threads: CPU threads of each worker; ``auto`` divides the cores among them, None leaves torch's default.
        queue: jobs that may wait for a worker, so that none is idle while the next proposal is awaited.
        auto: what is chosen by where a number is to be found.
    """

    def __init__(
        self, trainer: Trainer, workers: int | str = AUTO, threads: int | str | None = AUTO, queue: int = 1, auto: Auto | None = None
    ) -> None:
        if not (_at_least_one(workers) and (threads is None or _at_least_one(threads)) and queue >= 0):
            raise ConfigError(
                f"execute: workers={workers}, threads={threads}, queue={queue}; at least 1 worker and 1 thread, or auto, "
                "and a queue of 0 (conf/execute/workers.yaml)"
            )
        number, threads_each = _decide(auto or Auto(), workers, threads)
        self.capacity = number + queue
        self._settings = (trainer, number, threads_each)
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


def _at_least_one(number: int | str) -> bool:
    return number == AUTO or (isinstance(number, int) and number >= 1)


def _decide(auto: Auto, workers: int | str, threads: int | str | None) -> tuple[int, int | None]:
    if isinstance(workers, int) and not isinstance(threads, str):
        return workers, threads
    share = auto.share(workers if isinstance(workers, int) else None, threads if isinstance(threads, int) else None)
    threads_each = None if threads is None else share.threads
    log.info("candidates at once: %d, CPU threads of each: %s (%s)", share.workers, threads_each or "torch's default", share.reason)
    return share.workers, threads_each


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
