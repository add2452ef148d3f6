"""A run's files in its storage: sent while the run goes on, and brought back to another machine."""

import logging
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from lmanet.base import Record
from lmanet.errors import ConfigError, DiskError, RemoteStorageError
from lmanet.files import PARTIAL, disk_error
from lmanet.run.folder import EVENTS, HYDRA, LOG, PROVENANCE, SETTINGS
from lmanet.run.lease import LEASE, Held, Lease, Pace, drawn, read_lease, refuse_alive
from lmanet.run.lines import read_record, write_record
from lmanet.run.storage import Storage

log = logging.getLogger(__name__)
MIRRORED = ".storage.json"
# Of a folder at its top; they serve this machine alone.
KEPT_HERE = (MIRRORED, LEASE, ".lock", "jobs")
# What a start leaves before its first result.
OF_A_START = {HYDRA, LOG, PROVENANCE, SETTINGS, EVENTS, LEASE}
RECORDS = (".json", ".jsonl")
Stamp = tuple[int, int]  # size and time of change


class Mirrored(Record):
    """The content of ``.storage.json``: what this folder knows of its storage. It is never sent.

    Attributes:
        run: as in `Lease`.
        drivers: the last that wrote the storage from this folder, or whose files were brought here;
            two while a new one takes over. A storage with another has gone on elsewhere.
        sent: name -> size and time of change of the file that was sent last.
    """

    url: str
    run: str
    drivers: tuple[str, ...]
    sent: Mapping[str, Stamp] = {}


class Mirror:
    """Sends what has changed in a folder, from time to time and when asked.

    A run goes on where its storage cannot be reached for a while: its folder has everything.

    Args:
        held: the right to write the storage.
        known: of the folder; it is kept up to date there.
    """

    def __init__(
        self, folder: Path, storage: Storage, held: Held, known: Mirrored, pace: Pace
    ) -> None:
        self._folder, self._storage, self._held, self._known = folder, storage, held, known
        self._pace = pace
        self._pushing = threading.Lock()
        self._out_of_reach = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._push_on, name="mirror", daemon=True)
        self._thread.start()

    def push(self) -> None:
        """Send now what has changed.

        Records go last, as they were before the first of the other files was looked at: what a
        record names is then there, also where this machine is lost in the middle.

        Raises:
            RemoteStorageError: the storage cannot be written.
            DiskError: the folder is gone, or cannot be read; the storage keeps what it has.
        """
        with self._pushing:
            self._held.require()
            sent = dict(self._known.sent)
            try:
                self._send(sent)
            finally:
                if sent != self._known.sent:
                    self._known = self._known.model_copy(update={"sent": sent})
                    write_record(self._folder / MIRRORED, self._known)

    def try_push(self) -> None:
        """The same; where the storage cannot be reached, that is said once, and tried again later.

        Raises:
            RemoteStorageError: another driver has taken the run over.
            DiskError: as `push`.
        """
        try:
            self.push()
        except RemoteStorageError as error:
            self._held.refuse_lost()
            if not self._out_of_reach:
                log.warning("%s; the run goes on, and what it finds is in its folder", error)
            self._out_of_reach = True
        else:
            if self._out_of_reach:
                log.info("%s can be reached again; nothing is missing there", self._storage.url)
            self._out_of_reach = False

    def refuse_lost(self) -> None:
        """Raises `RemoteStorageError` where another driver has taken the run over."""
        self._held.refuse_lost()

    def close(self, quietly: bool) -> None:
        """Send the last of it, and let the next driver in.

        Args:
            quietly: the run breaks off with an error of its own, which is not to be hidden.

        Raises:
            RemoteStorageError: the storage lacks something of the run.
        """
        self._end.set()
        self._thread.join()
        try:
            self.push()
            self._held.close()
        except (RemoteStorageError, DiskError) as error:
            if not quietly:
                raise
            log.warning("%s; what the run has found is in its folder", error)
        finally:
            self._held.stop()

    def _push_on(self) -> None:
        while True:
            try:
                self.try_push()
            except RemoteStorageError:
                return  # the run's own thread says so
            except (DiskError, OSError) as error:  # which the run itself will meet
                log.warning("the run's files were not sent: %s", error)
            if self._end.wait(self._pace.push_seconds):
                return

    def _send(self, sent: dict[str, Stamp]) -> None:
        """Send what has changed since; ``sent`` follows."""
        records = {
            name: (stamp, content)
            for name, stamp in _stamps(self._folder).items()
            if _is_record(name) and sent.get(name) != stamp
            if (content := _content(self._folder / name)) is not None
        }
        stamps = _stamps(self._folder)
        self._refuse_gone()
        for name, stamp in stamps.items():
            if not _is_record(name) and sent.get(name) != stamp and self._put(name):
                sent[name] = stamp
        for name, (stamp, content) in records.items():
            self._storage.write(name, content)
            sent[name] = stamp
        for name in set(sent) - set(stamps):
            self._storage.remove(name)
            del sent[name]

    def _refuse_gone(self) -> None:
        """Of a disk that was lost no file is left: they were not removed by a stage, and the
        storage may have the only ones.
        """
        if not (self._folder / MIRRORED).is_file():
            raise DiskError(
                f"{self._folder} is gone, so nothing is sent to {self._storage.url}, and nothing "
                f"is removed there; go on with resume={self._storage.url}"
            )

    def _put(self, name: str) -> bool:
        """Whether it was there to be sent: stages remove what they need no more."""
        path = self._folder / name
        try:
            self._storage.put(path, name)
        except (FileNotFoundError, RemoteStorageError):
            if path.is_file():
                raise
            return False
        return True


class Guard:
    """Listener: ends the search where another driver has taken the run over."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def on_search_start(self, *details: object) -> None:
        self._mirror.refuse_lost()

    def on_trial_end(self, *details: object) -> None:
        self._mirror.refuse_lost()

    def on_front_change(self, *details: object) -> None:
        """The trial's end has asked already."""

    def on_search_end(self, *details: object) -> None:
        """The search is over in any case."""

    def on_run_end(self) -> None:
        """`mirrored` says it."""


@contextmanager
def mirrored(folder: Path, url: str | None, pace: Pace | None = None) -> Iterator[Mirror | None]:
    """Keep a folder's storage up to date, as its one driver; None where there is no storage.

    The process must own the folder: who drove it before is then known to have ended.

    Raises:
        ConfigError: the storage is another run's, or another driver works on it or has gone on.
        RemoteStorageError: it cannot be reached; or, at the end, lacks something of the run.
    """
    if url is None:
        yield None
        return
    mirror = _start(folder, Storage(url), pace or Pace())
    try:
        yield mirror
    except BaseException:
        mirror.close(quietly=True)
        raise
    mirror.close(quietly=False)


def bring(url: str, into: Path, pace: Pace | None = None) -> Path:
    """Bring a run from its storage to this machine, where it can go on.

    Args:
        into: the folder for it; where that is taken, one with a number behind its name. One that
            has all of the run already is left as it is.

    Raises:
        ConfigError: no run is there, or its driver is alive.
        RemoteStorageError: it cannot be reached.
    """
    storage = Storage(url)
    lease = read_lease(storage)
    if lease is None:
        raise ConfigError(
            f"resume={url}: no run there; name the URL that was given as storage= to one"
        )
    folder = into
    for number in count(2):
        if not folder.exists():
            break
        if _is_current(_known(folder, storage), lease):
            return folder
        folder = into.with_name(f"{into.name}_{number}")
    refuse_alive(storage, lease, pace or Pace())
    partial = into.with_name(f"{into.name}.{drawn()[:8]}{PARTIAL}")
    partial.mkdir(parents=True)
    try:
        _fetch(storage, lease, partial)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def _fetch(storage: Storage, lease: Lease, folder: Path) -> None:
    for name in storage.names():
        if not _stays_here(name):
            storage.get(name, folder / name)
    known = Mirrored(url=storage.url, run=lease.run, drivers=(lease.driver,), sent=_stamps(folder))
    write_record(folder / MIRRORED, known)


def _start(folder: Path, storage: Storage, pace: Pace) -> Mirror:
    known, found = _known(folder, storage), _found(storage)
    if storage.folder and storage.folder.resolve() == folder.resolve():
        raise ConfigError(
            f"storage={storage.url} is the run's own folder; name another place (conf/config.yaml)"
        )
    if found is None:
        if storage.names():
            raise ConfigError(
                f"storage={storage.url} holds files that are no run's; name an empty place "
                "(conf/config.yaml)"
            )
        known = Mirrored(url=storage.url, run=drawn(), drivers=())
    elif known is None or known.run != found.run:
        raise ConfigError(
            f"storage={storage.url} holds another run; name another place, or go on with that one "
            f"by resume={storage.url}"
        )
    elif not _is_current(known, found):
        refuse_alive(storage, found, pace)
        raise ConfigError(
            f"{storage.url} has gone on elsewhere since {folder} was written; go on with "
            f"resume={storage.url}, which brings its files here"
        )
    return _take(folder, storage, known, found, pace)


def _found(storage: Storage) -> Lease | None:
    """Who has written a storage. What a start left that ended without a result is removed, as it is
    in its folder.
    """
    found = read_lease(storage)
    if found is None or found.beat is not None:
        return found
    names = storage.names()
    if any(name.partition("/")[0] not in OF_A_START for name in names):
        return found
    for name in names:
        storage.remove(name)
    return None


def _take(
    folder: Path, storage: Storage, known: Mirrored, found: Lease | None, pace: Pace
) -> Mirror:
    """Become the driver of a storage that is free; a crash at any point leaves a folder that may
    become it again.
    """
    driver, before = drawn(), (found.driver,) if found else ()
    write_record(folder / MIRRORED, known.model_copy(update={"drivers": (*before, driver)}))
    held = Held(storage, known.run, driver, pace)
    known = known.model_copy(update={"drivers": (driver,)})
    write_record(folder / MIRRORED, known)
    log.info("the run's files are copied to %s", storage.url)
    return Mirror(folder, storage, held, known, pace)


def _known(folder: Path, storage: Storage) -> Mirrored | None:
    """What a folder knows of a storage; None where it has nothing to do with it."""
    path = folder / MIRRORED
    known = read_record(path, Mirrored) if path.is_file() else None
    return known if known and known.url == storage.url else None


def _is_current(known: Mirrored | None, lease: Lease) -> bool:
    """Whether nobody has written the storage since it was written from this folder."""
    return known is not None and known.run == lease.run and lease.driver in known.drivers


def _stamps(folder: Path) -> dict[str, Stamp]:
    """Size and time of change of each file that is sent.

    Raises:
        DiskError: a folder cannot be read; its files would else count as removed.
    """
    found = {}
    for top, _, files in os.walk(folder, onerror=_refuse_unread):
        for path in (Path(top) / each for each in files):
            name = path.relative_to(folder).as_posix()
            if not _stays_here(name) and not path.is_symlink():
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                found[name] = (status.st_size, status.st_mtime_ns)
    return found


def _refuse_unread(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a stage has removed it meanwhile
        raise disk_error(error) or error


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_record(name: str) -> bool:
    return name.endswith(RECORDS)


def _stays_here(name: str) -> bool:
    parts = name.split("/")
    return parts[0] in KEPT_HERE or any(part.endswith(PARTIAL) for part in parts)
