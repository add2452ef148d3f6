"""Sets of images that hand out whole batches: in memory, or read from files on access."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional

from lmanet.errors import DataError

Batch = tuple[Tensor, Tensor]


class ImageSet(Protocol):
    """Images of which a `DataLoader` fetches a batch at a time: uint8 (N, 3, H, W) and int64 labels (N,)."""

    labels: Tensor

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Batch:
        """One image (3, H, W) and its label."""

    def __getitems__(self, indices: list[int]) -> Batch:
        """A batch."""

    def subset(self, indices: Tensor) -> "ImageSet":
        """The images at ``indices``."""


class MemoryImages(Dataset[Batch]):
    """Images in memory; a batch is one index operation.

    Args:
        images: uint8 (N, 3, H, W).
        labels: int64 (N,).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        return self.images[index], self.labels[index]

    def __getitems__(self, indices: list[int]) -> Batch:
        return self.images[indices], self.labels[indices]

    def subset(self, indices: Tensor) -> "MemoryImages":
        return MemoryImages(self.images[indices], self.labels[indices])


class FileImages(Dataset[Batch]):
    """Images that are decoded each time they are asked for.

    Args:
        paths: one file an image.
        labels: int64 (N,).
        resolution: height and width, pixels, that each image is brought to.
    """

    def __init__(self, paths: Sequence[Path], labels: Tensor, resolution: int) -> None:
        self.paths = tuple(paths)
        self.labels = labels
        self.resolution = resolution

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        return decode(self.paths[index], self.resolution), self.labels[index]

    def __getitems__(self, indices: list[int]) -> Batch:
        return torch.stack([decode(self.paths[i], self.resolution) for i in indices]), self.labels[indices]

    def subset(self, indices: Tensor) -> "FileImages":
        return FileImages([self.paths[i] for i in indices.tolist()], self.labels[indices], self.resolution)

    def load(self) -> MemoryImages:
        """Decode all of them."""
        return MemoryImages(torch.stack([decode(path, self.resolution) for path in self.paths]), self.labels)


def decode(path: Path, resolution: int) -> Tensor:
    """Read an image as uint8 (3, resolution, resolution): shorter side resized, centre cropped.

    Raises:
        DataError: the file is no image that Pillow can read.
    """
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image; repair it or take it out of the folder") from error
    resized = functional.resize(functional.pil_to_tensor(image), [resolution], antialias=True)
    cropped: Tensor = functional.center_crop(resized, [resolution, resolution])
    return cropped


def as_is(batch: Batch) -> Batch:
    """Collate what is a batch already."""
    return batch
