"""Stages beside others: each in a process of its own, while the stage before it in `stages` runs
here.
"""

import logging
import multiprocessing
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from queue import SimpleQueue

import joblib

from lmanet.app.compose import Config, resolved
from lmanet.errors import TrainingError
from lmanet.execute import begin_process, kill, of_the_run_alone

log = logging.getLogger(__name__)
# Stage -> those that make what it reads, and so cannot run at the same time.
READS = {"rules": ("search",), "teacher": (), "explain": ("train", "distill")}


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
def beside(cfg: Config, typed: Sequence[str], names: Sequence[str]) -> Iterator[None]:
    """Run stages in processes of their own while the body runs, and wait for them after it; where
    one breaks off, all end.

    Raises:
        LmanetError: what a stage raised.
    """
    if not names:
        yield
        return
    with ExitStack() as ending:  # in reverse order
        ending.enter_context(_threads(len(names) + 1))
        futures = {name: _start(cfg, typed, name, ending) for name in names}
        yield
        for name, future in futures.items():
            _wait(name, future)


def _start(cfg: Config, typed: Sequence[str], name: str, ending: ExitStack) -> "Future[None]":
    """A process that runs one stage; it ends with ``ending`` at the latest."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    heard, said = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(1, context, _begin, (said, log.getEffectiveLevel()))
    relay = threading.Thread(target=_relay, args=(heard,), daemon=True)
    ending.callback(relay.join)
    ending.callback(pool.shutdown)
    ending.callback(kill, pool)
    with of_the_run_alone():
        future = pool.submit(
            _run, resolved(cfg, {"stages": [name], "beside": []}), list(typed), name
        )
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


def _run(cfg: Config, typed: Sequence[str], name: str) -> None:
    """In the process of a stage."""
    from lmanet.app.stages import Run  # which stands on this module

    run = Run(cfg, typed)
    run.made(name).run(run.folder)
