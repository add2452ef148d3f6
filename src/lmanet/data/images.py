"""Sets of images that hand out blocks of them on a device: in memory, or read from files by worker
processes.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from joblib import cpu_count
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lmanet.data.decode import read_image, unreadable
from lmanet.errors import DataError
from lmanet.network.images import fit, grey
from lmanet.network.operators import Shape

Stamp = tuple[int, int] | None


class ImageSet(Protocol):
    """uint8 images (channels, H, W) and int64 labels (N,) on a device."""

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

    def __getstate__(self) -> dict[str, np.ndarray]:
        # NumPy's arrays can be shared by the processes of a machine, torch's tensors are copied
        return {"images": self.images.cpu().numpy(), "labels": self.labels.cpu().numpy()}

    def __setstate__(self, arrays: dict[str, np.ndarray]) -> None:
        with warnings.catch_warnings():
            # shared ones cannot be written, and nobody writes them
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            self.images = torch.from_numpy(arrays["images"])
            self.labels = torch.from_numpy(arrays["labels"])


class FileImages:
    """Images that are decoded each time they are asked for.

    Args:
        paths: one file an image.
        labels: int64 (N,).
        shape: channels, height and width that each image is brought to; None leaves each in the
            size of its file and in colour, and then a block may hold but one.
        num_workers: processes that decode blocks of them ahead, no more than there are cores.
        stamps: of the files; by default as they are now. A file that has another one later is
            refused, as the trainings of a run must see the same images.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        labels: Tensor,
        shape: Shape | None,
        num_workers: int = 0,
        stamps: Sequence[Stamp] | None = None,
    ) -> None:
        self.paths = tuple(paths)
        self.stamps = tuple(map(stamp_of, paths) if stamps is None else stamps)
        self.labels = labels
        self.shape = shape
        self.num_workers = num_workers

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._decoded(index), self.labels[index]

    @property
    def image_bytes(self) -> int:
        return prod(self._shape)

    def subset(self, indices: Tensor) -> "FileImages":
        chosen = indices.tolist()
        return FileImages(
            [self.paths[i] for i in chosen],
            self.labels[indices],
            self.shape,
            self.num_workers,
            [self.stamps[i] for i in chosen],
        )

    def frames(self) -> "FileImages":
        """The same images in the sizes of their files."""
        return FileImages(self.paths, self.labels, None, self.num_workers, self.stamps)

    def to(self, device: torch.device) -> "FileImages":
        labels = self.labels.to(device)
        return FileImages(self.paths, labels, self.shape, self.num_workers, self.stamps)

    def blocks(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        device = self.labels.device
        loader: DataLoader[Tensor | DataError] = DataLoader(
            _Files(self._decoded, len(self)),
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
            return list(pool.map(_file_digest, self.paths, self.stamps))

    def load(self) -> MemoryImages:
        """Decode all of them."""
        images = torch.empty(len(self), *self._shape, dtype=torch.uint8)
        for index, image in enumerate(images):
            image.copy_(self._decoded(index))
        return MemoryImages(images, self.labels)

    def _decoded(self, index: int) -> Tensor:
        _refuse_change(self.paths[index], self.stamps[index])
        return decode(self.paths[index], self.shape)

    @property
    def _shape(self) -> Shape:
        assert self.shape, "frames have no common size"
        return self.shape


class _Files(Dataset[Tensor | DataError]):
    """What worker processes are handed; an error is returned, as torch adds a traceback to one
    raised there.
    """

    def __init__(self, decoded: Callable[[int], Tensor], number: int) -> None:
        self.decoded = decoded
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __getitems__(self, indices: list[int]) -> Tensor | DataError:
        try:
            return torch.stack([self.decoded(i) for i in indices])
        except DataError as error:
            return error


def _as_is(images: Any) -> Any:
    """What `_Files` gives: a block or a fault, where DataLoader's types expect a list."""
    return images


def stamp_of(path: Path) -> Stamp:
    """Size and time of the last change, ns; None of a file that is gone."""
    try:
        known = path.stat()
    except OSError:  # whoever reads it says so
        return None
    return known.st_size, known.st_mtime_ns


def _refuse_change(path: Path, stamp: Stamp) -> None:
    if (now := stamp_of(path)) and now != stamp:
        raise DataError(
            f"{path} has changed since this start of the run read its list of images (another size "
            "or time); let the images be as long as a run goes on, and start anew"
        )


def _file_digest(path: Path, stamp: Stamp) -> bytes:
    _refuse_change(path, stamp)
    try:
        return _digest(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def decode(path: Path, shape: Shape | None) -> Tensor:
    """Read an image, upright, as uint8 (channels, height, width): the largest centred part of that
    aspect, resized, in grey where one channel is asked for; or all of it in colour with None.

    Raises:
        DataError: the file holds no image that `read_image` can read.
    """
    frame = torch.from_numpy(read_image(path))
    if shape:
        channels, *size = shape
        frame = grey(frame, channel_axis=-1) if channels == 1 else frame
        frame = fit(frame, (size[0], size[1]), height_axis=-3)
    return frame.permute(2, 0, 1).contiguous()
