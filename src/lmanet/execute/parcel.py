"""What goes to a worker on another machine and comes back: calls, the data that they refer to, and
files.
"""

import io
import os
import pickle
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from lmanet.files import remove, replaced

UNFINISHED = ".partial"  # what `replaced` writes under


class News(NamedTuple):
    """What became of files.

    Attributes:
        changed: name -> content, of those that are new, too.
        gone: names of those that were removed.
    """

    changed: Mapping[str, bytes]
    gone: tuple[str, ...] = ()


class Files:
    """The files of a call on one of two machines, by names that are the same on both.

    Args:
        root: folder below which they stand on this machine.
        names: of files and folders, relative to it.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self.names = tuple(names)
        self._known: dict[str, tuple[int, int]] = {}  # what both machines have
        self._lock = threading.Lock()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Self:
        """Those that a call names."""
        if not paths:
            return cls(Path(), ())
        absolute = [path.absolute() for path in paths]
        root = Path(os.path.commonpath([path.parent for path in absolute]))
        return cls(root, [path.relative_to(root).as_posix() for path in absolute])

    def name(self, path: Path) -> str | None:
        """The name of a path below the root; None of another, and where the call has no files."""
        absolute = path.absolute()
        if not self.names or not absolute.is_relative_to(self.root):
            return None
        return absolute.relative_to(self.root).as_posix()

    def news(self) -> News:
        """What the other machine does not know yet."""
        with self._lock:
            now, changed = {}, {}
            for name in self._found():
                with suppress(FileNotFoundError):  # removed in between
                    stamp = _stamp(self.root / name)
                    if self._known.get(name) != stamp:
                        changed[name] = (self.root / name).read_bytes()
                    now[name] = stamp
            gone = tuple(name for name in self._known if name not in now)
            self._known = now
            return News(changed, gone)

    def take(self, news: News) -> None:
        """Do here what was done to them on the other machine."""
        with self._lock:
            for name, content in news.changed.items():
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with replaced(path) as partial:
                    partial.write_bytes(content)
                self._known[name] = _stamp(path)
            for name in news.gone:
                remove(self.root / name)
                self._known.pop(name, None)

    def _found(self) -> Iterator[str]:
        for path in (self.root / name for name in self.names):
            for file in path.rglob("*") if path.is_dir() else [path]:
                if file.is_file() and UNFINISHED not in file.name:
                    yield file.relative_to(self.root).as_posix()


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def pack(thing: object, data: object, files: Files) -> bytes:
    """Pickle what refers to ``data``, which the worker has already, and names ``files``, which
    stand elsewhere there.
    """
    content = io.BytesIO()
    _Packer(content, data, files).dump(thing)
    return content.getvalue()


def unpack(content: bytes, data: object, files: Files) -> Any:
    """What was packed, with this machine's data and files."""
    return _Unpacker(io.BytesIO(content), data, files).load()


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, data: object, files: Files) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.data = data
        self.files = files

    def persistent_id(self, thing: Any) -> tuple[str, ...] | None:
        if thing is self.data and thing is not None:
            return ("data",)
        if isinstance(thing, Path) and (name := self.files.name(thing)) is not None:
            return "file", name
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, data: object, files: Files) -> None:
        super().__init__(file)
        self.data = data
        self.files = files

    def persistent_load(self, key: tuple[str, ...]) -> Any:
        return self.data if key == ("data",) else self.files.root / key[1]
