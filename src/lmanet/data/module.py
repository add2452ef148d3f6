"""The LightningDataModule behind every data set: who may open what, and in which order the images come."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from lmanet.data.images import Batch, ImageSet, MemoryImages, as_is
from lmanet.data.split import Split
from lmanet.errors import DataError

log = logging.getLogger(__name__)


class EpochSampler(Sampler[int]):
    """An order of the images that follows from seed and epoch alone, so that a training that goes on sees what it would have seen."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls it before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        # Mixed: seed + epoch would give seed 1 the orders of seed 0, one epoch later.
        mixed = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)
        generator = torch.Generator().manual_seed(int(mixed[0]))
        yield from torch.randperm(self.count, generator=generator).tolist()


class ImageModule(LightningDataModule, ABC):
    """Training, validation and test images of one data set; batches are uint8 (N, 3, H, W) and int64 (N,), never augmented.

    A data set says how to read its training and its test images; the base divides, and opens no more than a stage needs.

    Attributes:
        name: of the data set.
        description: what the images are, in words, for a prompt.
        mean, std: of each RGB channel, for pixels in 0..1.
        num_workers: processes that read images which are not in memory.
    """

    name: str
    description: str
    num_classes: int
    classes: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    num_workers = 0

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split
        self._sets: dict[str, ImageSet] = {}

    @abstractmethod
    def read_train(self) -> ImageSet:
        """All images that may be used for training and validation."""

    @abstractmethod
    def read_test(self) -> ImageSet:
        """All test images."""

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        """Training and validation images."""
        train, val = self.split.divide(images.labels)
        return images.subset(train), images.subset(val)

    def setup(self, stage: str) -> None:
        if stage == "test" and "test" not in self._sets:
            self._sets["test"] = self.read_test()
        if stage in ("fit", "validate") and "train" not in self._sets:
            self._sets["train"], self._sets["val"] = self.divide(self.read_train())
            counts = self.class_counts.values()
            log.info(
                "%s: %d training and %d validation images of %d classes, %d to %d training images each",
                *(self.name, len(self.train_images), len(self.val_images), self.num_classes, min(counts), max(counts)),
            )

    @property
    def class_counts(self) -> dict[str, int]:
        """Class -> number of training images; `setup` with ``fit`` opens them."""
        counts = torch.bincount(self.train_images.labels, minlength=self.num_classes).tolist()
        return dict(zip(self.classes, counts, strict=True))

    @property
    def train_images(self) -> ImageSet:
        """Images to train on; `setup` with ``fit`` opens them."""
        return self._opened("train")

    @property
    def val_images(self) -> ImageSet:
        """Images to choose by; `setup` with ``fit`` opens them."""
        return self._opened("val")

    @property
    def test_images(self) -> ImageSet:
        """Images for the last word; `setup` with ``test`` opens them."""
        return self._opened("test")

    def train_dataloader(self, batch_size: int = 128, seed: int = 0) -> DataLoader[Batch]:
        """Shuffled anew each epoch; a last batch that is not full is left out, as batch norm needs more than one image."""
        images = self.train_images
        return self._loader(images, min(batch_size, len(images)), sampler=EpochSampler(len(images), seed), drop_last=True)

    def val_dataloader(self, batch_size: int = 128) -> DataLoader[Batch]:
        return self._loader(self.val_images, batch_size)

    def test_dataloader(self, batch_size: int = 128) -> DataLoader[Batch]:
        return self._loader(self.test_images, batch_size)

    @abstractmethod
    def checksum(self) -> str:
        """Sha-256 of the data as given, in hexadecimal digits, without opening the test images."""

    def _opened(self, part: str) -> ImageSet:
        if part not in self._sets:
            raise DataError(f"the {part} images of {self.name} are not open; call setup({'test' if part == 'test' else 'fit'!r}) first")
        return self._sets[part]

    def _loader(self, images: ImageSet, batch_size: int, **options: Any) -> DataLoader[Batch]:
        workers = 0 if isinstance(images, MemoryImages) else self.num_workers
        return DataLoader(
            images,  # type: ignore[arg-type]
            batch_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # its own: else each new pass would draw from the numbers that augmentation draws from
            collate_fn=as_is,  # type: ignore[arg-type]
            **options,
        )

    def __getstate__(self) -> dict[str, Any]:
        # A worker process opens the images itself: a copy of them with each job would cost more.
        return {**self.__dict__, "_sets": {}}
