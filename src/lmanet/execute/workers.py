"""Candidates trained in worker processes on this machine, so that the next is
proposed meanwhile.
"""

import logging
import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from queue import SimpleQueue

from lmanet.errors import ConfigError, TrainingError
from lmanet.execute.auto import AUTO, Auto, at_least_one
from lmanet.execute.job import run_job
from lmanet.run.records import Job, Outcome, Status
from lmanet.steps import Trainer

log = logging.getLogger(__name__)
MOST_DEATHS = 5  # of workers in a row: where none lives, no candidate can be trained
_trainer: Trainer


class Workers:
    """Processes that live as long as the search; each trains one candidate at a time.

    Each has a pool of its own: one that dies breaks no other's, and it is known whose trial it was.

    Args:
        trainer: is sent to each worker once, by pickle.
        workers: processes; ``auto`` asks ``auto``.
        threads: CPU threads of each worker; ``auto`` divides the cores among them, None leaves
            torch's default.
        queue: jobs that may wait for a worker, so that none is idle while the next proposal is
            awaited.
        auto: what is chosen by where a number is to be found.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: int | str = AUTO,
        threads: int | str | None = AUTO,
        queue: int = 1,
        auto: Auto | None = None,
    ) -> None:
        threads_fit = threads is None or at_least_one(threads)
        if not (at_least_one(workers) and threads_fit and queue >= 0):
            raise ConfigError(
                f"execute: workers={workers}, threads={threads}, queue={queue}; at least 1 worker "
                "and 1 thread, or auto, and a queue of 0 (conf/execute/workers.yaml)"
            )
        number, threads_each = _decide(auto or Auto(), workers, threads)
        self.capacity = number + queue
        self._workers = [_Worker((trainer, threads_each, rank)) for rank in range(number)]
        self._idle = list(self._workers)
        self._waiting: deque[Job] = deque()
        self._ended: SimpleQueue[tuple[Job, Future[Outcome]]] = SimpleQueue()
        self._pending = 0  # jobs whose outcome was not collected yet
        self._deaths = 0  # since a training last came to its end
        self._lock = threading.RLock()

    def submit(self, job: Job) -> None:
        self._pending += 1
        self._waiting.append(job)
        self._hand_out()

    def collect(self, wait: bool) -> list[Outcome]:
        """Outcomes since the last call.

        Raises:
            TrainingError: one worker after the other dies, so that no candidate can be trained
                here.
        """
        ended: list[tuple[Job, Future[Outcome]]] = []
        while self._pending and (not self._ended.empty() or (wait and not ended)):
            ended.append(self._ended.get())
            self._pending -= 1
        return [self._outcome(*each) for each in sorted(ended, key=lambda pair: pair[0].number)]

    def close(self) -> None:
        """Stop at once: running jobs are given up, their trials were never recorded."""
        self._waiting.clear()
        for worker in self._workers:
            worker.close()
        self._pending = 0

    def _hand_out(self) -> None:
        with self._lock:
            while self._idle and self._waiting:
                worker, job = self._idle.pop(0), self._waiting.popleft()
                worker.train(job).add_done_callback(partial(self._end, worker, job))

    def _end(self, worker: "_Worker", job: Job, future: "Future[Outcome]") -> None:
        """A thread of the worker's pool says so; the next job starts at once, whatever the search
        is at.
        """
        with self._lock:
            if _died(future):
                worker.renew()  # here, for a broken pool may hold its lock while it calls this
            self._ended.put((job, future))
            self._idle.append(worker)
            self._hand_out()

    def _outcome(self, job: Job, future: "Future[Outcome]") -> Outcome:
        if not _died(future):
            self._deaths = 0
            return future.result()
        self._deaths += 1
        log.warning("a worker died while it trained candidate %d", job.number)
        reason = (
            "the worker process died (out of memory, or killed); see execute.workers and the "
            "machine's log"
        )
        if self._deaths >= MOST_DEATHS:
            raise TrainingError(f"{self._deaths} times in a row {reason}")
        return Outcome(number=job.number, status=Status.FAILED, error=reason)


class _Worker:
    """A process that trains, and after its death another in its place.

    Args:
        start: trainer, CPU threads, and number of the worker.
    """

    def __init__(self, start: tuple[Trainer, int | None, int]) -> None:
        self._start = start
        self.renew()

    def renew(self) -> None:
        """Take another process, which starts with its first job."""
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._pool = ProcessPoolExecutor(1, context, _start_worker, self._start)

    def train(self, job: Job) -> "Future[Outcome]":
        try:
            return self._pool.submit(_train, job)
        except BrokenProcessPool:  # it was killed while it waited for a job
            self.renew()
            return self._pool.submit(_train, job)

    def close(self) -> None:
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _died(future: "Future[Outcome]") -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenProcessPool)


def _decide(auto: Auto, workers: int | str, threads: int | str | None) -> tuple[int, int | None]:
    if isinstance(workers, int) and not isinstance(threads, str):
        return workers, threads
    share = auto.share(
        workers if isinstance(workers, int) else None, threads if isinstance(threads, int) else None
    )
    threads_each = None if threads is None else share.threads
    log.info(
        "candidates at once: %d, CPU threads of each: %s (%s)",
        share.workers,
        threads_each or "torch's default",
        share.reason,
    )
    return share.workers, threads_each


def _start_worker(trainer: Trainer, threads: int | None, rank: int) -> None:
    global _trainer
    import torch

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
