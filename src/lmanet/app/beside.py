"""Stages beside others: each in a process of its own, from the start of the stage before it in
`stages` until one begins that reads what it makes.
"""

import logging
import multiprocessing
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from queue import SimpleQueue

import joblib

from lmanet.errors import TrainingError
from lmanet.execute import begin_process, kill, of_the_run_alone

log = logging.getLogger(__name__)
Task = Callable[[str], Callable[[], None]]
# Stage -> those that make what it reads, and so cannot run at the same time.
READS = {"rules": ("search",), "teacher": (), "explain": ("train", "distill")}
# And those that read what it makes, so that it is waited for before them.
READ_BY = {"rules": ("report",), "teacher": ("distill",), "explain": ("release", "report")}


def turns(names: Sequence[str], beside: Collection[str]) -> list[list[int]]:
    """Places in ``names`` of the stages that run at once, in their order; the first of each turn
    runs in this process. A stage that reads what one of its turn makes comes after it.
    """
    found: list[list[int]] = []
    for place, name in enumerate(names):
        if place and name in beside and not {names[each] for each in found[-1]} & {*READS[name]}:
            found[-1].append(place)
        else:
            found.append([place])
    return found


@contextmanager
def others(task: Task) -> Iterator["Others"]:
    """Stages in processes of their own, which the body starts; all are waited for after it. Where
    one breaks off, all end.

    Args:
        task: as in `Others`.

    Raises:
        LmanetError: what a stage raised.
    """
    with ExitStack() as ending:
        found = Others(task, ending)
        yield found
        found.wait(found.running)


class Others:
    """The stages of a run that are in processes of their own.

    Args:
        task: what the process of a stage of that name calls; it is pickled.
        ending: ends their processes at the latest.
    """

    def __init__(self, task: Task, ending: ExitStack) -> None:
        self.task, self.ending = task, ending
        self.running: dict[str, tuple[Future[None], ExitStack]] = {}

    @contextmanager
    def beside(self, turn: Sequence[str]) -> Iterator[None]:
        """Start all stages of a turn but the first, which is the body; first wait for those that
        one of the turn reads.

        Raises:
            LmanetError: what a stage raised that was waited for, or has ended meanwhile.
        """
        self.wait(
            name
            for name, (future, _) in self.running.items()
            if future.done() or {*READ_BY[name]} & {*turn}
        )
        for name in turn[1:]:
            own = self.ending.enter_context(ExitStack())
            self.running[name] = _start(self.task(name), own), own
        with _threads(len(self.running) + 1):
            yield

    def wait(self, names: Iterable[str]) -> None:
        """Until these are done; their processes end."""
        for name in list(names):
            future, own = self.running.pop(name)
            _wait(name, future)
            own.close()


def _start(task: Callable[[], None], ending: ExitStack) -> "Future[None]":
    """Run a stage in a process, which ends with ``ending`` at the latest."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    heard, said = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(1, context, _begin, (said, log.getEffectiveLevel()))
    relay = threading.Thread(target=_relay, args=(heard,), daemon=True)
    ending.callback(relay.join)
    ending.callback(pool.shutdown)
    ending.callback(kill, pool)
    with of_the_run_alone():
        future = pool.submit(task)
    said.close()  # the process has its own end: its death closes the last one
    relay.start()
    return future


def _wait(name: str, future: "Future[None]") -> None:
    if not future.done():
        log.info("waiting for the stage %s", name)
    try:
        future.result()
    except BrokenProcessPool:
        raise TrainingError(
            f"the process of the stage {name} died (out of memory, or killed); resume the run, or "
            "set beside=[] to run its stages one after the other (conf/config.yaml)"
        ) from None


@contextmanager
def _threads(stages: int) -> Iterator[None]:
    """Leave cores to the others: more threads than cores wait for each other at every step."""
    if stages == 1:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, joblib.cpu_count() // stages)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _relay(heard: "Connection[object, logging.LogRecord]") -> None:
    """Give the records of another process to the loggers of this one, until it ends."""
    while True:
        try:
            record = heard.recv()
        except (EOFError, OSError):
            return
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)


class _Said(QueueHandler):
    """Sends records through a pipe."""

    def __init__(self, said: "Connection[logging.LogRecord, object]") -> None:
        super().__init__(SimpleQueue())  # which stays empty
        self.said = said

    def enqueue(self, record: logging.LogRecord) -> None:
        self.said.send(record)


def _begin(said: "Connection[logging.LogRecord, object]", level: int) -> None:
    begin_process(threads=1)
    words = "%(message)s"  # the rest is added where it is shown
    logging.basicConfig(handlers=[_Said(said)], level=level, force=True, format=words)
