"""One worker of a Ray cluster as the driver sees it, from its start to its end."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import (
    ActorUnavailableError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
)

from lmanet.calls import Returned
from lmanet.execute.parcel import Files
from lmanet.execute.ray_cluster import Slot
from lmanet.execute.ray_worker import Greeting, Order, RayWorker, versions

log = logging.getLogger(__name__)
BEAT_SECONDS = 2.0  # between two questions whether a worker lives, and what it wrote


class LostError(Exception):
    """A worker is gone, and what it computed with it."""


class HangsError(Exception):
    """A call took longer than it may; its worker answers still, and has to be ended."""


class UnfitError(Exception):
    """A worker did not start, or cannot be one of this run."""


class Hired:
    """A worker that has answered.

    Args:
        silent_seconds: after which it counts as lost.
    """

    def __init__(self, actor: Any, host: str, silent_seconds: float) -> None:
        self._actor = actor
        self.host = host
        self.silent_seconds = silent_seconds

    def end(self) -> None:
        """End its process, whatever it computes."""
        ray.kill(self._actor)

    def lives(self) -> bool:
        """Whether it answers."""
        try:
            self._get(self._actor.greet.remote())
        except LostError as error:
            log.info("a worker was lost while it waited for a call: %s", error)
            return False
        return True

    def compute(self, order: Order, files: Files, most_seconds: float | None = None) -> Returned:
        """Have a call computed; what it writes is written here, too, while it runs.

        Args:
            most_seconds: that it may take; None is no limit.

        Raises:
            LostError: the worker died, or gives no sign of life.
            HangsError: the call is not done in time.
        """
        start = time.monotonic()
        result = self._actor.run.remote(order)
        while most_seconds is None or time.monotonic() - start < most_seconds:
            news = self._actor.news.remote()
            # the answer of every question is waited for, else what it tells would be lost
            files.take(self._get(news))
            if ray.wait([result], timeout=BEAT_SECONDS)[0]:
                returned, last = self._get(result)
                files.take(last)
                assert isinstance(returned, Returned)
                return returned
        raise HangsError

    def _get(self, reference: Any) -> Any:
        try:
            if not ray.wait([reference], timeout=self.silent_seconds)[0]:
                raise LostError(f"on {self.host}: no sign of life for {self.silent_seconds:g} s")
            return ray.get(reference)
        except RayError as error:
            log.info("worker on %s: %s", self.host, error)
            raise LostError(f"on {self.host}: {_reason(error)}") from error


@contextmanager
def hire(
    slot: Slot, carried: "ray.ObjectRef[Any]", silent_seconds: float, given_up: Callable[[], bool]
) -> Iterator[Hired | None]:
    """A worker in a slot, as soon as there is room for one; it is ended at the end. None where it
    was given up while it was waited for.

    Raises:
        UnfitError: it does not start, or has other versions.
    """
    actor: Any = (
        ray.remote(RayWorker).options(**slot.options).remote(slot.threads, slot.gpu_share, carried)
    )
    try:
        greeting = actor.greet.remote()
        while not (given_up() or ray.wait([greeting], timeout=1.0)[0]):
            pass
        if given_up():
            yield None
        else:
            yield Hired(actor, _greeted(greeting).host, silent_seconds)
    finally:
        ray.kill(actor)


def _greeted(greeting: Any) -> Greeting:
    try:
        found: Greeting = ray.get(greeting)
    except RayError as error:
        raise UnfitError(_reason(error)) from error
    own = versions()
    if different := [name for name in own if found.versions.get(name) != own[name]]:
        there = ", ".join(f"{name} {found.versions.get(name)}" for name in different)
        here = ", ".join(f"{name} {own[name]}" for name in different)
        raise UnfitError(f"it has {there}, and this run {here}; install the same on all nodes")
    return found


def _reason(error: RayError) -> str:
    """What matters of an error of Ray's, whose text goes over many lines."""
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}"
    if isinstance(error, OutOfMemoryError):
        return "the memory of the node was full, so Ray killed the worker"
    if isinstance(error, ActorUnavailableError):
        return "the worker or its node cannot be reached"
    if isinstance(error, RayActorError):
        gone = "its node has died" in str(error)
        return "the node is gone" if gone else "the worker process died, or was killed"
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
