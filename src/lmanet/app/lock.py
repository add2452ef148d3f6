"""Who works in a run's folder: one start makes it, one process at a time works in it, and it goes
again where nothing came of it. What stands in it is told by `lmanet.run.folder`.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from lmanet.app.resume import FIRST_SWEEP, SWEEP
from lmanet.errors import ConfigError
from lmanet.run.folder import EVENTS, HYDRA, LOG, PROVENANCE, SETTINGS
from lmanet.run.mirror import MIRRORED

LOCK = ".lock"
LOCK_SECONDS = (
    6  # processes that read images outlive a killed run by up to 5 s, and hold its lock meanwhile
)
LEAST_FREE_BYTES = 200_000_000
# What a start leaves before its first result.
OF_A_START = {
    LOCK,
    HYDRA,
    f"{HYDRA}.partial",
    LOG,
    PROVENANCE,
    SETTINGS,
    EVENTS,
    SWEEP,
    FIRST_SWEEP,
    MIRRORED,
}


@contextmanager
def claimed(folder: Path, given: bool) -> Iterator[Path]:
    """A folder for a run or a sweep, for this process alone.

    Args:
        given: it was named on the command line, so that it is taken if it exists; else the next
            free name is.

    Raises:
        ConfigError: it cannot be written, or another process works in it.
    """
    before = next(path for path in folder.absolute().parents if path.is_dir())
    folder, made = _make(folder, given)
    with owned(folder):
        try:
            yield folder
        finally:
            if made:  # and while it is owned, so that nobody else has begun in it
                leave_nothing(folder, before)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Keep other processes out; the lock of one that was killed is free.

    Raises:
        ConfigError: another process works in the folder.
    """
    # One lock a path in a process: a sweep owns its folder, and a job may own the same one again.
    lock = FileLock(folder.absolute() / LOCK, timeout=LOCK_SECONDS, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"another process works in {folder}; wait for its end or stop it, or start a run of "
            "its own without resume="
        ) from None
    except OSError as error:
        raise ConfigError(_unwritable(folder, error)) from error
    try:  # what goes wrong from here on is no fault of the lock
        yield
    finally:
        lock.release()


def leave_nothing(folder: Path, above: Path | None = None) -> None:
    """Remove a folder in which a start has left no result, and the empty folders between it and
    ``above``.
    """
    if not folder.is_dir() or not all(
        path.name in OF_A_START or _is_empty_job(path) for path in folder.iterdir()
    ):
        return
    shutil.rmtree(folder, ignore_errors=True)
    for parent in folder.absolute().parents:
        if parent == above or above not in parent.parents or any(parent.iterdir()):
            return
        parent.rmdir()


def _is_empty_job(path: Path) -> bool:
    return (
        path.is_dir()
        and path.name.isdigit()
        and all(each.name in OF_A_START for each in path.iterdir())
    )


def _make(folder: Path, given: bool) -> tuple[Path, bool]:
    """The folder, and whether it was made here."""
    for number in count(1):
        path = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if given and path.is_dir():
                return path, False
            if given:
                raise ConfigError(f"{path} is a file; name a folder for the run") from None
        except OSError as error:
            raise ConfigError(_unwritable(path, error)) from error
        else:
            return path, True
    raise AssertionError("unreachable")


def require_room(folder: Path) -> None:
    """Raises `ConfigError` where the disk of a run's folder is all but full."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise ConfigError(
            f"{folder} has {free / 1e6:.0f} MB left on its disk, and a run needs at least "
            f"{LEAST_FREE_BYTES / 1e6:.0f}; free some, or choose another folder with hydra.run.dir="
        )


def _unwritable(folder: Path, error: OSError) -> str:
    reason = errno.errorcode.get(error.errno or 0, "")
    return (
        f"{folder} cannot be written ({error.strerror or error}{f', {reason}' if reason else ''}); "
        "choose another with hydra.run.dir="
    )
