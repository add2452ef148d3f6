"""A process that trains candidates one after another, and after its death another in its place."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from lmanet.errors import TrainingError
from lmanet.execute.job import run_job
from lmanet.run.records import Job, Outcome
from lmanet.steps import Trainer

# Ctrl-C and a closed terminal reach all processes; the run itself ends the others.
OF_THE_RUN = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
_trainer: Trainer


class WorkerProcess:
    """One process at a time, in a pool of its own, so that its death breaks no other's.

    Args:
        start: trainer, CPU threads, and number of the worker.
        most_seconds: of a job, from its hand-over: one that takes longer hangs, and its process is
            killed; None is no limit.

    Attributes:
        hung: whether the last job was ended because it took too long.
    """

    def __init__(
        self, start: tuple[Trainer, int | None, int], most_seconds: float | None = None
    ) -> None:
        self._start = start
        self.most_seconds = most_seconds
        self.hung = False
        self.renew()

    def renew(self) -> None:
        """Take another process, which starts with its first job.

        Raises:
            TrainingError: the system gives none.
        """
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        with _as_a_sentence():
            self._pool = ProcessPoolExecutor(1, context, _start_process, self._start)

    def train(self, job: Job) -> "Future[Outcome]":
        """Start a job; its future breaks where the process dies.

        Raises:
            TrainingError: the system gives no process.
        """
        self.hung = False
        with of_the_run_alone(), _as_a_sentence():
            try:
                future = self._pool.submit(_train, job)
            except BrokenProcessPool:  # it was killed while it waited for a job
                self.renew()
                future = self._pool.submit(_train, job)
        if self.most_seconds is not None:
            watchdog = threading.Timer(self.most_seconds, self._end_hung, (self._pool, future))
            watchdog.daemon = True
            watchdog.start()
            future.add_done_callback(lambda _: watchdog.cancel())
        return future

    def close(self) -> None:
        """End it at once, whatever it is at."""
        kill(self._pool)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _end_hung(self, pool: ProcessPoolExecutor, future: "Future[Outcome]") -> None:
        """Not necessarily of the pool that is there now: another may have taken its place."""
        if not future.done():
            self.hung = True
            kill(pool)


@contextmanager
def _as_a_sentence() -> Iterator[None]:
    """A system that is short of memory, processes or files has room for no candidate's process."""
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"no worker process can be started ({error.strerror or error}); free memory, or take "
            "fewer at once by execute.workers, then resume"
        ) from error


def died(future: "Future[Outcome]") -> bool:
    """Whether the process died, and not the training alone."""
    return not future.cancelled() and isinstance(future.exception(), BrokenProcessPool)


@contextmanager
def of_the_run_alone() -> Iterator[None]:
    """A process that is started here does not hear Ctrl-C, not even before it can say so itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_RUN)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def kill(pool: ProcessPoolExecutor) -> None:
    """End its process, whatever it is at."""
    # Not `terminate`: Lightning takes that signal for a wish, heard after the step at hand.
    for process in list((pool._processes or {}).values()):
        process.kill()


def begin_process(threads: int | None, rank: int = 0) -> None:
    """What a process of the run does first: leave Ctrl-C to the run, end with it, and keep to its
    threads.
    """
    for number in OF_THE_RUN:
        signal.signal(number, signal.SIG_IGN)
    # Lightning would hear this one after the step at hand, and end as if all were well.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    import torch

    if torch.cuda.device_count() > 1:
        torch.cuda.set_device(rank % torch.cuda.device_count())
    if threads:
        torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _start_process(trainer: Trainer, threads: int | None, rank: int) -> None:
    global _trainer
    begin_process(threads, rank)
    _trainer = trainer


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # the run was killed: nobody waits for the result


def _train(job: Job) -> Outcome:
    return run_job(_trainer, job)
