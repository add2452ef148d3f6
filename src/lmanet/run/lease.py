"""Who may write a run's storage: one driver at a time, by a file in the storage that says who, and
when it last gave a sign of life. No lock of a file system is needed.
"""

import logging
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

from pydantic import ValidationError

from lmanet.base import Record
from lmanet.errors import ConfigError, RemoteStorageError
from lmanet.run.storage import Storage

log = logging.getLogger(__name__)
LEASE = "lease.json"
# Without a sign of life for so long, a driver counts as dead and another may take over.
DEAD_SECONDS = 180.0
# How long it is watched whether an old sign is followed by another, and one of the future, of which
# nothing tells how old it is.
OLD_BEATS, FUTURE_BEATS = 1.5, 6.0


class Lease(Record):
    """The content of ``lease.json``.

    Attributes:
        run: drawn at the run's first start.
        driver: drawn by the last driver at its start.
        beat: its last sign of life, in seconds since 1970 by its clock; None once it has ended.
    """

    run: str
    driver: str
    beat: float | None = None


@dataclass(frozen=True)
class Pace:
    """How often and how long.

    Attributes:
        beat_seconds: between two signs of life.
        settle_seconds: a driver waits so long after it wrote its name, and then looks whether
            another has written its own meanwhile; more than a write takes.
        push_seconds: between two looks at what has changed.
    """

    beat_seconds: float = 30.0
    settle_seconds: float = 2.0
    push_seconds: float = 30.0


def read_lease(storage: Storage) -> Lease | None:
    """Who has written a storage; None where no run has.

    Raises:
        RemoteStorageError: the storage cannot be read, or the file holds something else.
    """
    content = storage.read(LEASE)
    if content is None:
        return None
    try:
        return Lease.model_validate_json(content)
    except ValidationError as error:
        raise RemoteStorageError(
            f"{storage.url}/{LEASE} holds no lease of a run; see who wrote it, and remove it if no "
            "run.py works there"
        ) from error


def refuse_alive(storage: Storage, lease: Lease, pace: Pace) -> None:
    """Raises `ConfigError` where the driver that a lease names gives signs of life.

    Where the clocks of two machines differ, or one was set back, an old sign may be a new one, and
    one of the future an old one: it is watched whether another comes.
    """
    if lease.beat is None:
        return
    age = time.time() - lease.beat
    is_old, is_ahead = age >= DEAD_SECONDS, age < -pace.beat_seconds
    if is_old or is_ahead:
        log.info("%s: its driver looks dead; watching whether it is", storage.url)
        time.sleep(pace.beat_seconds * (OLD_BEATS if is_old else FUTURE_BEATS))
        if read_lease(storage) == lease:
            return
        age = 0.0
    raise ConfigError(
        f"another run.py works on {storage.url} (its last sign of life came {max(age, 0):.0f} s "
        f"ago); wait for its end or stop it: {DEAD_SECONDS:.0f} s without a sign, and it may be "
        "taken over"
    )


class Held:
    """A lease that this process holds; a thread gives signs of life until `close`.

    Raises:
        RemoteStorageError: another driver took the storage at the same time.
    """

    def __init__(self, storage: Storage, run: str, driver: str, pace: Pace) -> None:
        self._storage, self._run, self._driver = storage, run, driver
        self._lost = False
        self._end = threading.Event()
        self._pace = pace
        self._write(time.time())
        time.sleep(pace.settle_seconds)
        self.require()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def refuse_lost(self) -> None:
        """Raises `RemoteStorageError` where another driver was seen to have taken over; asks
        nobody.
        """
        if self._lost:
            raise RemoteStorageError(
                f"another run.py has taken {self._storage.url} over, so nothing more is written "
                "there; what this one has found since is in its folder alone"
            )

    def require(self) -> None:
        """Look whether the lease is still held.

        Raises:
            RemoteStorageError: it was lost to another driver, or cannot be found or read.
        """
        found = read_lease(self._storage)
        if found is None:  # a disk that is not mounted, perhaps
            raise RemoteStorageError(
                f"{self._storage.url}/{LEASE} is gone, so nothing is written there; see that it is "
                "the place where the run began"
            )
        self._lost = self._lost or (found.run, found.driver) != (self._run, self._driver)
        self.refuse_lost()

    def stop(self) -> None:
        """Give no more signs of life."""
        self._end.set()
        self._thread.join()

    def close(self) -> None:
        """End, and say so: the next driver need not wait."""
        self.stop()
        self.require()
        self._write(None)

    def _beat(self) -> None:
        while not self._end.wait(self._pace.beat_seconds):
            try:
                self.require()
                self._write(time.time())
            except RemoteStorageError as error:
                if self._lost:
                    log.error("%s", error)
                    return
                log.warning("no sign of life could be given: %s", error)

    def _write(self, beat: float | None) -> None:
        lease = Lease(run=self._run, driver=self._driver, beat=beat)
        self._storage.write(LEASE, lease.model_dump_json().encode())


def drawn() -> str:
    """A name that no other has."""
    return uuid4().hex
