"""Sets of images that hand out blocks of them on a device: in memory, or read from files by worker
processes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from joblib import cpu_count
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lmanet.data.decode import read_image, unreadable
from lmanet.errors import DataError
from lmanet.network.images import fit


class ImageSet(Protocol):
    """uint8 images (3, H, W) and int64 labels (N,) on a device."""

    labels: Tensor

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One image and its label."""

    @property
    def image_bytes(self) -> int:
        """Size of a decoded image."""

    def subset(self, indices: Tensor) -> Self:
        """The images at ``indices``."""

    def to(self, device: torch.device) -> Self:
        """The same images for use on a device."""

    def blocks(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Images (N, 3, H, W) on the device for each of ``parts``, indices on the CPU."""

    def digests(self) -> list[bytes]:
        """A digest of each image as it was given: of its pixels, or of its file."""


class MemoryImages:
    """Images in memory, of the computer or of a GPU.

    Args:
        images: uint8 (N, 3, H, W).
        labels: int64 (N,).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    @property
    def image_bytes(self) -> int:
        return self.images[0].numel()

    def subset(self, indices: Tensor) -> "MemoryImages":
        return MemoryImages(self.images[indices], self.labels[indices])

    def to(self, device: torch.device) -> "MemoryImages":
        return MemoryImages(self.images.to(device), self.labels.to(device))

    def blocks(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        for part in parts:
            yield self.images[part.to(self.images.device, non_blocking=True)]

    def digests(self) -> list[bytes]:
        return [_digest(image.tobytes()) for image in self.images.cpu().numpy()]


class FileImages:
    """Images that are decoded each time they are asked for.

    Args:
        paths: one file an image.
        labels: int64 (N,).
        resolution: height and width, pixels, that each image is brought to; None leaves each in the
            size of its file, and then a block may hold but one.
        num_workers: processes that decode blocks of them ahead, no more than there are cores.
    """

    def __init__(
        self, paths: Sequence[Path], labels: Tensor, resolution: int | None, num_workers: int = 0
    ) -> None:
        self.paths = tuple(paths)
        self.labels = labels
        self.resolution = resolution
        self.num_workers = num_workers

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return decode(self.paths[index], self.resolution), self.labels[index]

    @property
    def image_bytes(self) -> int:
        return 3 * self._side**2

    def subset(self, indices: Tensor) -> "FileImages":
        return FileImages(
            [self.paths[i] for i in indices.tolist()],
            self.labels[indices],
            self.resolution,
            self.num_workers,
        )

    def frames(self) -> "FileImages":
        """The same images in the sizes of their files."""
        return FileImages(self.paths, self.labels, None, self.num_workers)

    def to(self, device: torch.device) -> "FileImages":
        return FileImages(self.paths, self.labels.to(device), self.resolution, self.num_workers)

    def blocks(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        device = self.labels.device
        loader: DataLoader[Tensor | DataError] = DataLoader(
            _Files(self.paths, self.resolution),
            batch_sampler=[part.tolist() for part in parts],
            num_workers=min(self.num_workers, cpu_count()),  # more would wait for each other
            pin_memory=device.type == "cuda",
            # its own: else each pass would draw from the numbers that the training draws from
            generator=torch.Generator(),
            collate_fn=_as_is,
        )
        for images in loader:
            if isinstance(images, DataError):
                raise images
            yield images.to(device, non_blocking=True)

    def digests(self) -> list[bytes]:
        """Of each file's contents, undecoded.

        50,000 files of 100 KB take 4.8 s of one core, and the disk's time to read 5 GB
        (2026-11-29, 2 cores of x86-64, files in the page cache).
        """
        with ThreadPoolExecutor() as pool:  # hashing and reading leave Python's lock
            return list(pool.map(_file_digest, self.paths))

    def load(self) -> MemoryImages:
        """Decode all of them."""
        images = torch.empty(len(self), 3, self._side, self._side, dtype=torch.uint8)
        for image, path in zip(images, self.paths, strict=True):
            image.copy_(decode(path, self.resolution))
        return MemoryImages(images, self.labels)

    @property
    def _side(self) -> int:
        assert self.resolution, "frames have no common size"
        return self.resolution


class _Files(Dataset[Tensor | DataError]):
    """What worker processes are handed; an error is returned, as torch adds a traceback to one
    raised there.
    """

    def __init__(self, paths: Sequence[Path], resolution: int | None) -> None:
        self.paths = paths
        self.resolution = resolution

    def __len__(self) -> int:
        return len(self.paths)

    def __getitems__(self, indices: list[int]) -> Tensor | DataError:
        try:
            return torch.stack([decode(self.paths[i], self.resolution) for i in indices])
        except DataError as error:
            return error


def _as_is(images: Any) -> Any:
    """What `_Files` gives: a block or a fault, where DataLoader's types expect a list."""
    return images


def _file_digest(path: Path) -> bytes:
    try:
        return _digest(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def decode(path: Path, resolution: int | None) -> Tensor:
    """Read an image, upright, as uint8 (3, resolution, resolution): its largest centred square,
    resized; or all of it with None.

    Raises:
        DataError: the file holds no image that `read_image` can read.
    """
    frame = torch.from_numpy(read_image(path))
    return (
        (fit(frame, resolution, height_axis=-3) if resolution else frame)
        .permute(2, 0, 1)
        .contiguous()
    )
