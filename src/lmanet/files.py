"""Files that a killed process leaves whole: the old content or the new one, never half a line."""

import errno
import hashlib
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import SEEK_END
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO

from platformdirs import user_cache_path

from lmanet.errors import DiskError

log = logging.getLogger(__name__)

PARTIAL = ".partial"  # ends the name of what is not whole yet

# Faults of a disk, or of the rights to it: no network is at fault, and another fares no better.
OF_A_DISK = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ESTALE", "ENODEV")
    if hasattr(errno, name)
}


@contextmanager
def replaced(path: Path, writer: str = "") -> Iterator[Path]:
    """A name beside ``path`` to write a file or a folder under; it becomes ``path`` at the end.

    An error or a kill leaves ``path`` as it was. A file is forced to the disk first: a power cut
    must not leave a name without its content.

    Args:
        writer: a name of its own for each of several that may write a path at once.

    Raises:
        DiskError: the disk does not take it.
    """
    partial = path.with_name(f"{path.name}{writer and f'.{writer}'}{PARTIAL}")
    with _disk_faults_named(path):
        remove(partial)
        try:
            yield partial
        except BaseException:
            with suppress(OSError):  # the first error says more
                remove(partial)
            raise
        if partial.is_file():
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        if path.is_dir():  # a folder with files in it cannot be replaced
            shutil.rmtree(path)
        partial.replace(path)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text in UTF-8."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes, writer: str = "") -> None:
    """Replace a file by what is given; ``writer`` as in `replaced`."""
    with replaced(path, writer) as partial:
        partial.write_bytes(content)


def copy_file(source: Path, path: Path, writer: str = "") -> None:
    """Replace a file by a copy of another; ``writer`` as in `replaced`."""
    with replaced(path, writer) as partial:
        shutil.copyfile(source, partial)


def append_line(path: Path, line: str, force: bool = True) -> None:
    """Add a line, in place of one that a kill cut off.

    Args:
        force: to the disk, which takes some 10 ms; without, a kill of the machine can lose it.

    Raises:
        DiskError: the disk does not take it; a part of the line may stand there, and the next
            line takes its place.
    """
    with _disk_faults_named(path), path.open("a+b") as file:
        _drop_torn_line(file)
        file.write(line.encode() + b"\n")
        file.flush()
        if force:
            os.fsync(file.fileno())


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file; none where there is no file.

    A last line without its newline is what a kill leaves behind. It does not count.
    """
    # not splitlines(): a model's reply may hold U+2028, which JSON leaves as it is
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def is_whole_zip(path: Path) -> bool:
    """Whether a file is there with all its bytes, as the checksums in it say; torch writes such.

    It is only read: nothing that it holds is run. A compressed one is refused before that, as torch
    compresses nothing: a few KB may unfold to many GB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = all(part.compress_type == zipfile.ZIP_STORED for part in archive.infolist())
            return stored and archive.testzip() is None
    except (FileNotFoundError, zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        return False


def is_damaged_zip(path: Path) -> bool:
    """Whether a file is there, and not whole; who took it away had a reason."""
    return path.exists() and not is_whole_zip(path)


def sha256_of_files(folder: Path) -> dict[str, str]:
    """Of each file in a folder and below, by its path relative to it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def disk_error(error: OSError, path: Path | None = None) -> DiskError | None:
    """The sentence on a fault of a disk; None where it is of another kind.

    Args:
        path: that was written, where the error names none.
    """
    if error.errno not in OF_A_DISK:
        return None
    where = error.filename or path or "a file"
    return DiskError(
        f"{where} cannot be read or written ({error.strerror or error}); make room on its disk, "
        "or correct its rights or limits, and resume"
    )


def remove(path: Path) -> None:
    """Remove a file or a folder, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def cache_folder(name: str) -> Path:
    """A folder in the user's cache, such as ``~/.cache/lmanet/NAME``, made where it is not.

    Where it cannot be written, one of this process alone, which goes with it.
    """
    folder = user_cache_path("lmanet") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        own = Path(_own_cache().name) / name
        if not own.is_dir():
            own.mkdir()
            log.warning(
                "%s cannot be written (%s): what it keeps is made anew in each run; set "
                "XDG_CACHE_HOME to a folder that can",
                *(folder, error.strerror),
            )
        return own


@cache
def _own_cache() -> "TemporaryDirectory[str]":
    """One a process, which removes it at its end."""
    return TemporaryDirectory(prefix="lmanet-cache-")


@contextmanager
def _disk_faults_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
            raise DiskError(
                f"{path.parent} is gone, with its disk or by a hand; bring it back, and resume"
            ) from error
        if named := disk_error(error, path):
            raise named from error
        raise


def _drop_torn_line(file: BinaryIO) -> None:
    if size := file.seek(0, SEEK_END):
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
