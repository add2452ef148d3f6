"""Teachers of this project's own kind: networks of earlier runs, and published ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from lmanet.distill.teacher import Reading, Teacher, class_order
from lmanet.errors import ConfigError, LmanetError
from lmanet.network import load_architecture
from lmanet.network.weights import load_network, load_published_weights
from lmanet.run.folder import STUDENT
from lmanet.steps import ImageData


@runtime_checkable  # settings are held against it
class Source(Protocol):
    """Where a teacher comes from."""

    @property
    def name(self) -> str:
        """What records and tables call it."""

    @property
    def origin(self) -> str:
        """Where its weights come from, as given: another origin is another teacher."""

    def require(self, data: ImageData) -> None:
        """Find out whether `build` will work, without a download."""

    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher, and whether it knows the classes; else it is fine-tuned."""

    def with_weights(self, checkpoint: str) -> "Source":
        """The same teacher with the weights of another file."""


@dataclass(frozen=True)
class _FileSource(ABC):
    """A teacher in a file of this machine, which knows the classes."""

    path: str

    @property
    def origin(self) -> str:
        """The path as given."""
        return str(self.path)

    def require(self, data: ImageData) -> None:
        """As `build`, once the data know the names of their classes."""
        data.setup("fit")
        self.build(data)

    @abstractmethod
    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher, and that it knows the classes."""


@dataclass(frozen=True)
class NetworkSource(_FileSource):
    """A network of ours, which knows its architecture, its classes and its normalisation.

    Attributes:
        path: a checkpoint such as ``student.ckpt``, or the folder of an earlier run, for its best.
        resolution: height and width, pixels; None is the architecture's.
    """

    resolution: int | None = None

    @property
    def name(self) -> str:
        """The last two parts of the path, without those that lead to them."""
        return "/".join(Path(self.path).parts[-2:])

    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher; its classes are brought to the data's order by name.

        Raises:
            ConfigError: no such file, it is no network of ours, or it lacks a class of the data.
        """
        path = Path(self.path).expanduser()
        with _named(path):
            found = load_network(path / STUDENT if path.is_dir() else path)
        resolution = self.resolution or found.network.architecture.size
        order = class_order(self.name, found.classes, data)
        return Teacher(found.network, data, Reading(found.mean, found.std, resolution), order), True

    def with_weights(self, checkpoint: str) -> "NetworkSource":
        """Another checkpoint of ours."""
        return replace(self, path=checkpoint)


@dataclass(frozen=True)
class PublishedSource(_FileSource):
    """A published network: an architecture, and a state dict of its authors' code.

    It names no classes, so that the order of the data's is taken for theirs.

    Attributes:
        path: of the state dict.
        arch: a shipped architecture (``lmanet_elite``), or a file of ours or of the authors'.
        resolution: height and width, pixels; None is the architecture's.
        mean, std: of each RGB channel, for pixels in 0..1; None is the data's.
    """

    arch: str
    resolution: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None

    @property
    def name(self) -> str:
        """The name of the file."""
        return Path(self.path).stem

    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher.

        Raises:
            ConfigError: the weights are missing, of another architecture or of other classes.
        """
        path = Path(self.path).expanduser()
        with _named(path):
            architecture = load_architecture(self.arch)
            network = load_published_weights(path, architecture)
        if network.num_classes != data.num_classes:
            raise ConfigError(
                f"teacher {self.name} tells {network.num_classes} classes apart, {data.name} has "
                f"{data.num_classes}; choose another teacher (distill.teacher), or its data="
            )
        reading = Reading(
            self.mean or data.mean, self.std or data.std, self.resolution or architecture.size
        )
        return Teacher(network, data, reading, class_order(self.name, None, data)), True

    def with_weights(self, checkpoint: str) -> "PublishedSource":
        """The same architecture with other weights of its authors."""
        return replace(self, path=checkpoint)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors say that it is a teacher whose weights are looked for."""
    try:
        yield
    except LmanetError as error:
        raise ConfigError(f"no teacher at {path}: {error}; correct distill.teacher") from error
