"""Candidates trained in worker processes on this machine, so that the next is
proposed meanwhile.
"""

import logging
import threading
from collections import deque
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue

from lmanet.errors import ConfigError, TrainingError
from lmanet.execute.auto import AUTO, Auto, at_least_one
from lmanet.execute.job import hung, most_seconds
from lmanet.execute.process import WorkerProcess, died
from lmanet.run.records import Job, Outcome, Status
from lmanet.steps import Trainer

log = logging.getLogger(__name__)
Ended = Future[Outcome] | Outcome | Exception  # the last is none of the job's
MOST_LOST = 5  # trainings in a row, each lost twice: where no worker lives, none can be trained
DIED = (
    "the worker process died twice while it trained this candidate (out of memory, or killed); "
    "see execute.workers and the machine's log"
)


class Workers:
    """Processes that live as long as the search; each trains one candidate at a time.

    A candidate whose process dies is trained once more, in another process; what waits behind it is
    not touched.

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
        self._most_seconds = most_seconds(trainer)
        self._workers = [
            WorkerProcess((trainer, threads_each, rank), self._most_seconds)
            for rank in range(number)
        ]
        self._idle = list(self._workers)
        self._waiting: deque[Job] = deque()
        self._ended: SimpleQueue[tuple[Job, Ended]] = SimpleQueue()
        self._pending = 0  # jobs whose outcome was not collected yet
        self._again: set[int] = set()  # numbers of jobs that are tried a second time
        self._lost = 0  # trainings since one last came to its end
        self._is_closed = False
        self._lock = threading.RLock()

    def submit(self, job: Job) -> None:
        self._pending += 1
        self._waiting.append(job)
        self._hand_out()

    def collect(self, wait: bool) -> list[Outcome]:
        """Outcomes since the last call.

        Raises:
            TrainingError: one worker after the other dies, or none can be started, so that no
                candidate can be trained here.
        """
        ended: list[tuple[Job, Ended]] = []
        while self._pending and (not self._ended.empty() or (wait and not ended)):
            ended.append(self._ended.get())
            self._pending -= 1
        return [self._outcome(*each) for each in sorted(ended, key=lambda pair: pair[0].number)]

    def close(self) -> None:
        """Stop at once: running jobs are given up, their trials were never recorded."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
        for worker in self._workers:
            worker.close()
        self._pending = 0

    def _hand_out(self) -> None:
        with self._lock:
            while self._idle and self._waiting:
                worker, job = self._idle.pop(0), self._waiting.popleft()
                worker.train(job).add_done_callback(partial(self._end, worker, job))

    def _end(self, worker: WorkerProcess, job: Job, future: "Future[Outcome]") -> None:
        """A thread of the worker's pool says so; the next job starts at once, whatever the search
        is at.
        """
        try:
            self._next(worker, job, future)
        except Exception as error:  # else the search would wait for what this thread would bring
            self._ended.put((job, error))

    def _next(self, worker: WorkerProcess, job: Job, future: "Future[Outcome]") -> None:
        with self._lock:
            if not died(future):
                self._ended.put((job, future))
            elif self._is_closed:
                return
            else:
                worker.renew()  # here, for a broken pool may hold its lock while it calls this
                self._take_back(worker, job)
            self._idle.append(worker)
            self._hand_out()

    def _take_back(self, worker: WorkerProcess, job: Job) -> None:
        """A job whose process died goes to another before all that wait, or has ended."""
        if worker.hung:
            log.warning("candidate %d hung, and its worker was killed", job.number)
            error = hung(self._most_seconds)
            self._ended.put((job, Outcome(number=job.number, status=Status.TIMED_OUT, error=error)))
        elif job.number in self._again:
            log.warning("a worker died again while it trained candidate %d", job.number)
            self._ended.put((job, Outcome(number=job.number, status=Status.FAILED, error=DIED)))
        else:
            log.warning("a worker died while it trained candidate %d: once more", job.number)
            self._again.add(job.number)
            self._waiting.appendleft(job)

    def _outcome(self, job: Job, ended: Ended) -> Outcome:
        if isinstance(ended, Exception):
            raise ended
        self._again.discard(job.number)  # a promotion bears the same number
        if isinstance(ended, Future):
            self._lost = 0
            return ended.result()
        self._lost += ended.error == DIED
        if self._lost >= MOST_LOST:
            raise TrainingError(f"{self._lost} candidates in a row: {DIED}")
        return ended


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
