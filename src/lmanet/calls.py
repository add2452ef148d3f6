"""Calls: what a run may have done in this process, on this machine or on others; the engine decides
where.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lmanet.errors import LmanetError, TrainingError

log = logging.getLogger(__name__)


class Call(NamedTuple):
    """``function(shared, *arguments)``, to be computed somewhere.

    Attributes:
        number: tells the calls of an engine apart.
        function: a module's own, so that a worker can import it.
        shared: the same object in many calls, such as a trainer; it is brought to a worker once.
        arguments: small ones, for pickle.
        files: files and folders that the call reads or leaves, which the arguments name. The worker
            has what is there; what is left comes back, and while the call runs, too. So a call that
            was lost goes on elsewhere from its last checkpoint.
        most_seconds: of the call in a worker, which is given up with it after that, as one that
            hangs; None is no limit. A scheduler's jobs have limits of their own.
    """

    number: int
    function: Callable[..., Any]
    shared: object
    arguments: tuple[Any, ...] = ()
    files: tuple[Path, ...] = ()
    most_seconds: float | None = None

    def compute(self) -> Any:
        """The value, computed in this process."""
        return self.function(self.shared, *self.arguments)


class Returned(NamedTuple):
    """How a call ended: with a value, or with an error.

    Attributes:
        error: what the function raised; a `WorkerLostError` where two workers were lost with it.
        seconds: of the attempt that ended.
    """

    number: int
    value: Any = None
    error: LmanetError | None = None
    seconds: float = 0.0

    def result(self) -> Any:
        """The value; raises the error where there is one."""
        if self.error:
            raise self.error
        return self.value


class Engine(Protocol):
    """Computes calls on workers, as many at once as it has. A call whose worker is lost is tried
    once elsewhere.
    """

    @property
    def capacity(self) -> int:
        """Calls that keep all workers busy, with those that wait; more may be submitted."""

    def submit(self, call: Call) -> None:
        """Take a call."""

    def collect(self, wait: bool) -> list[Returned]:
        """What ended since the last call, by number; with ``wait`` at least one if one is pending.

        Raises `LmanetError` where no worker can be had any more.
        """

    def close(self) -> None:
        """Give up what runs, and give back the workers; a later `submit` takes them anew."""


class Here:
    """The engine where none is set: computes calls in this process, one after another."""

    capacity = 1

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()

    def submit(self, call: Call) -> None:
        self._calls.append(call)

    def collect(self, wait: bool) -> list[Returned]:
        if not (wait and self._calls):
            return []
        call, start = self._calls.popleft(), time.monotonic()
        try:
            ended = Returned(call.number, call.compute())
        except LmanetError as error:
            ended = Returned(call.number, error=error)
        return [ended._replace(seconds=time.monotonic() - start)]

    def close(self) -> None:
        self._calls.clear()


def attempt(call: Call) -> Returned:
    """Compute a call in a worker; whatever it raises is its end, and not the worker's."""
    start = time.monotonic()
    value, fault = None, None
    try:
        value = call.compute()
    except LmanetError as error:
        fault = error
    except Exception as error:
        log.exception("%s broke off", call.function.__name__)
        fault = TrainingError(f"{type(error).__name__}: {error}")
    return Returned(call.number, value, fault, time.monotonic() - start)


def run_calls(engine: Engine, calls: Sequence[Call]) -> Iterator[Returned]:
    """Have all of them computed; each is handed out as it ends. The caller closes the engine."""
    for call in calls:
        engine.submit(call)
    left = len(calls)
    while left:
        for returned in engine.collect(wait=True):
            left -= 1
            yield returned
