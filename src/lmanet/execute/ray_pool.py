"""The workers of a Ray cluster as the driver sees them: each has a thread that hands it calls and
hears of it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError

from lmanet.calls import Call, Returned
from lmanet.errors import TrainingError, TrainingTimeoutError, WorkerLostError
from lmanet.execute.parcel import Files, pack
from lmanet.execute.ray_cluster import Slot
from lmanet.execute.ray_hired import HangsError, Hired, LostError, UnfitError, hire
from lmanet.execute.ray_worker import Order
from lmanet.steps import CarriedData

log = logging.getLogger(__name__)
NO_WORKER_SECONDS = 300.0  # after which a cluster without a worker is given up
IDLE_SECONDS = 10.0  # after which a worker without a call is asked whether it lives
MOST_FAILURES = 3  # of a slot's workers in a row to start


class Attempt(NamedTuple):
    """A call that waits or runs.

    Attributes:
        shared: what its ``shared`` became in the object store.
        reason: why its first worker was lost.
    """

    call: Call
    shared: "ray.ObjectRef[bytes]"
    reason: str = ""


class RayPool:
    """Workers in slots, from their start to `close`.

    Args:
        data: of the run, is put into the object store; a node fetches it once.
        silent_seconds: a worker that gives no sign of life for so long is lost.
    """

    def __init__(self, slots: Sequence[Slot], data: Any, silent_seconds: float) -> None:
        self.size = len(slots)
        self.silent_seconds = silent_seconds
        self._data = data
        self._carried = _put(data)
        self._shared: tuple[object, Any] = (None, None)
        self._waiting: deque[Attempt] = deque()
        self._changed = threading.Condition()  # guards what follows, and what waits
        self._closed = False
        self._hired: set[Hired] = set()
        self._coming = 0  # workers that are being hired
        self._open_slots = len(slots)
        self._lonely_since = time.monotonic()
        self._ended: SimpleQueue[Returned | Exception] = SimpleQueue()
        self._pending = 0  # calls that were not collected yet
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in slots
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Call) -> None:
        if self._shared[0] is not call.shared or self._shared[1] is None:
            packed = pack(call.shared, self._data, Files.of(()))
            self._shared = (call.shared, ray.put(packed))
        self._pending += 1
        with self._changed:
            if not self._hired:
                self._lonely_since = time.monotonic()
            self._waiting.append(Attempt(call, self._shared[1]))
            self._changed.notify_all()

    def collect(self, wait: bool) -> list[Returned]:
        """What ended since the last call.

        Raises:
            LmanetError: no worker can be had any more.
        """
        ended: list[Returned] = []
        while self._pending and (not self._ended.empty() or (wait and not ended)):
            try:
                found = self._ended.get(timeout=1.0)
            except Empty:
                self._require_workers()
                continue
            if isinstance(found, Exception):
                raise found
            ended.append(found)
            self._pending -= 1
        return sorted(ended, key=lambda returned: returned.number)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
            for worker in self._hired:
                worker.end()
        for thread in self._threads:
            thread.join(timeout=30)

    def is_closed(self) -> bool:
        """Whether nothing is computed any more."""
        return self._closed

    def _require_workers(self) -> None:
        """Raises `TrainingError` where the cluster has had no worker for a long time."""
        lonely = 0.0 if self._hired else time.monotonic() - self._lonely_since
        if lonely > NO_WORKER_SECONDS:
            raise TrainingError(
                f"the Ray cluster has had no worker for {lonely:.0f} s: its nodes are gone, or in "
                "use by others (see `ray status`); the run can be resumed once there is room"
            )

    def _serve(self, slot: Slot) -> None:
        """The thread of a slot: whichever worker is in it, calls are handed to it."""
        try:
            failures: list[str] = []
            while len(failures) < MOST_FAILURES and self._needed():
                try:
                    with hire(slot, self._carried, self.silent_seconds, self.is_closed) as worker:
                        self._arrived()
                        failures.clear()
                        if worker:
                            self._work(worker)
                except UnfitError as error:
                    self._arrived()
                    failures.append(str(error))
            if not self._closed:
                self._retire(slot, failures[-1])
        except (RayError, ConnectionError) as error:
            sentence = (
                f"the Ray cluster cannot be reached any more ({error}); the run can be resumed"
            )
            self._ended.put(TrainingError(sentence))
        except Exception as error:  # else the search would wait for what this thread would bring
            self._ended.put(error)

    def _needed(self) -> bool:
        """Wait until more calls wait than workers are on their way, and count one more; False where
        the pool was closed first.
        """
        with self._changed:
            while not self._closed and len(self._waiting) <= self._coming:
                self._changed.wait(IDLE_SECONDS)
            self._coming += not self._closed
            return not self._closed

    def _arrived(self) -> None:
        with self._changed:
            self._coming -= 1

    def _work(self, worker: Hired) -> None:
        """Hand calls to a worker until it is lost, or the pool is closed."""
        self._count(worker, hired=True)
        try:
            while attempt := self._next(worker):
                call, files = attempt.call, Files.of(attempt.call.files)
                content = pack((call.number, call.function, call.arguments), self._data, files)
                order = Order(content, [attempt.shared], files.names, files.news())
                start = time.monotonic()
                try:
                    self._ended.put(worker.compute(order, files, call.most_seconds))
                except LostError as error:
                    self._try_again(attempt, str(error), time.monotonic() - start)
                    return
                except HangsError:
                    self._give_up(call, time.monotonic() - start)
                    return
        finally:
            self._count(worker, hired=False)

    def _next(self, worker: Hired) -> Attempt | None:
        """The call that has waited longest; None where the worker is gone, or the pool is
        closed.
        """
        while not self._closed:
            with self._changed:
                if not self._waiting:
                    self._changed.wait(IDLE_SECONDS)
            # No call is lost with a worker that died while it had none.
            if self._closed or not worker.lives():
                break
            with self._changed:
                if self._waiting:
                    return self._waiting.popleft()
        return None

    def _try_again(self, attempt: Attempt, reason: str, seconds: float) -> None:
        if self._closed:
            return
        log.warning("a worker was lost with call %d: %s", attempt.call.number, reason)
        if attempt.reason:
            error = WorkerLostError(
                f"two workers were lost with it ({attempt.reason}; then {reason}); see the memory "
                "of the nodes and their logs"
            )
            self._ended.put(Returned(attempt.call.number, error=error, seconds=seconds))
            return
        with self._changed:
            self._waiting.appendleft(attempt._replace(reason=reason))
            self._changed.notify_all()

    def _give_up(self, call: Call, seconds: float) -> None:
        """A call that hangs is not tried again: it would hang elsewhere."""
        log.warning("call %d hung, and its worker is ended", call.number)
        error = TrainingTimeoutError(f"it was not done in {call.most_seconds:g} s")
        self._ended.put(Returned(call.number, error=error, seconds=seconds))

    def _retire(self, slot: Slot, reason: str) -> None:
        with self._changed:
            self._open_slots -= 1
            last = self._open_slots == 0
        sentence = f"no worker of the Ray cluster starts on {slot.host}: {reason}"
        log.warning("%s", sentence)
        if last:
            self._ended.put(TrainingError(sentence))

    def _count(self, worker: Hired, hired: bool) -> None:
        with self._changed:
            (self._hired.add if hired else self._hired.discard)(worker)
            self._lonely_since = time.monotonic()


def _put(data: Any) -> "ray.ObjectRef[Any]":
    if not isinstance(data, CarriedData):
        return ray.put((data, None))
    data.setup("fit")
    return ray.put((data, data.opened()))
