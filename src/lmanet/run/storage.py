"""A folder at a URL, in which the files of a run also stand: on this machine or in a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from uuid import uuid4

from fsspec.core import url_to_fs

from lmanet.base import require_packages
from lmanet.errors import ConfigError, RemoteStorageError
from lmanet.files import PARTIAL, copy_file, write_bytes

# Of a URL -> the package that serves it, which the extra of that name installs; what fsspec serves
# besides is not tried.
SCHEMES = {"file": "", "s3": "s3fs"}
LEGAL = "legal are s3://BUCKET/FOLDER and file:///FOLDER"


def is_url(text: str) -> bool:
    """Whether a text names storage, and not a folder as paths do."""
    return "://" in text


class Storage:
    """The files below a URL, each whole or not there.

    Keys and the address of a server that is not Amazon's come from the environment, as its tools
    take them.

    Args:
        url: ``s3://BUCKET/FOLDER`` or ``file:///FOLDER``.

    Raises:
        ConfigError: it is another kind of URL, holds a key, or lacks its package.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        scheme = _scheme(self.url)
        if package := SCHEMES[scheme]:
            require_packages(f"storage={url}", scheme, package)
        self._local = scheme == "file"
        # another machine writes there, too, so that no listing may be remembered
        self._files, root = url_to_fs(self.url, use_listings_cache=False)
        self._root = str(root).rstrip("/")
        # of two drivers, neither moves what the other has half written
        self._writer = uuid4().hex

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return PurePosixPath(self._root).name

    @property
    def folder(self) -> Path | None:
        """Where it stands, if that is on this machine."""
        return Path(self._root) if self._local else None

    def names(self) -> list[str]:
        """Of all whole files, as paths below the URL; none where nothing is there.

        Raises:
            RemoteStorageError: one of them would lie elsewhere.
        """
        with self._said("listed"):
            found = self._files.find(self._root)
        names = [str(path).removeprefix(f"{self._root}/") for path in found]
        whole = [name for name in names if not name.endswith(("/", PARTIAL))]
        return sorted(_inside(name, self.url) for name in whole)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        with self._said("read"):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a file."""
        with self._said("written"):
            if self._local:
                write_bytes(self._made(name), content, self._writer)
            else:  # an object appears when it is whole
                self._files.pipe_file(self._path(name), content)

    def put(self, path: Path, name: str) -> None:
        """Replace a file by one of this machine.

        Raises:
            FileNotFoundError: that one is gone.
        """
        if not path.is_file():
            raise FileNotFoundError(path)
        with self._said("written"):
            if self._local:
                copy_file(path, self._made(name), self._writer)
            else:
                self._files.put_file(str(path), self._path(name))

    def get(self, name: str, path: Path) -> None:
        """Bring a file here."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._said("read"):
            self._files.get_file(self._path(name), str(path))

    def remove(self, name: str) -> None:
        """Remove a file, where there is one."""
        with self._said("removed"):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self._root}/{_inside(name, self.url)}"

    def _made(self, name: str) -> Path:
        path = Path(self._path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except RemoteStorageError:
            raise
        # Each kind of storage has errors of its own, with no base that they share.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RemoteStorageError(
                f"{self.url} cannot be {what} ({reason}); see that its place is there, and that "
                "this machine has its keys and can reach it (storage=)"
            ) from error


def _scheme(url: str) -> str:
    parts = urlsplit(url)
    names_a_place = is_url(url) and (parts.netloc + parts.path).strip("/")
    if parts.scheme not in SCHEMES or "::" in url or not names_a_place:
        raise ConfigError(f"storage={url}: it takes a URL; {LEGAL} (conf/config.yaml)")
    if ".." in PurePosixPath(parts.path).parts:
        raise ConfigError(f"storage={url}: its place is named without ..; {LEGAL}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            f"storage={parts.scheme}://...: a URL with a key or a query is not taken, since it "
            "would be kept in the run's files; set keys in the environment (conf/config.yaml)"
        )
    return parts.scheme


def _inside(name: str, url: str) -> str:
    """A name that another may have written, once it is known to lead nowhere else."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise RemoteStorageError(
            f"{url} holds a file named {name!r}, which would lie outside of the run's folder; "
            "remove it there"
        )
    return name
