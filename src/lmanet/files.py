"""Files that a killed process leaves whole: the old content or the new one, never half a line."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path

from lmanet.errors import ConfigError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write a file or a folder under; it becomes ``path`` at the end.

    An error or a kill leaves ``path`` as it was. One process at a time may write a path.
    """
    partial = path.with_name(f"{path.name}.partial")
    remove(partial)
    try:
        yield partial
    except BaseException:
        remove(partial)
        raise
    if path.is_dir():  # a folder with files in it cannot be replaced
        shutil.rmtree(path)
    partial.replace(path)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text in UTF-8."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf-8")


def copy_file(source: Path, path: Path) -> None:
    """Replace a file by a copy of another."""
    with replaced(path) as partial:
        shutil.copyfile(source, partial)


def append_line(path: Path, line: str, force: bool = True) -> None:
    """Add a line, in place of one that a kill cut off.

    Args:
        force: to the disk, which takes some 10 ms; without, a kill of the machine can lose it.
    """
    with path.open("a+b") as file:
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


def remove(path: Path) -> None:
    """Remove a file or a folder, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def cache_folder(name: str) -> Path:
    """A folder in the user's cache, such as ``~/.cache/lmanet/NAME``, made where it is not.

    Raises:
        ConfigError: it cannot be made.
    """
    folder = user_cache_path("lmanet") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}); it keeps what every run can use "
            "again: set XDG_CACHE_HOME"
        ) from error
    return folder


def _drop_torn_line(file: BinaryIO) -> None:
    if size := file.seek(0, SEEK_END):
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
