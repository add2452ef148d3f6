"""The LightningDataModule behind every data set: who may open what, and on which device the images are."""

import logging
from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning import LightningDataModule

from lmanet.data.images import ImageSet
from lmanet.data.loader import FixedBatches, TrainBatches, Views
from lmanet.data.split import Split
from lmanet.errors import DataError
from lmanet.steps import Augmentation

log = logging.getLogger(__name__)
CPU = torch.device("cpu")


class ImageModule(LightningDataModule, ABC):
    """Training, validation and test images of one data set.

    A data set says how to read its training and its test images; the base divides, and opens no more than a stage needs.

    Attributes:
        name: of the data set.
        description: what the images are, in words, for a prompt.
        mean, std: of each RGB channel, for pixels in 0..1.
    """

    name: str
    description: str
    num_classes: int
    classes: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split
        self._sets: dict[str, ImageSet] = {}
        self._placed: dict[tuple[str, torch.device], ImageSet] = {}

    def require_part(self, part: str) -> None:
        """Raises `DataError` where the images of a part are not there (``fit``: training and validation, or ``test``); opens none."""

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

    def train_dataloader(
        self,
        batch_size: int = 128,
        seed: int = 0,
        device: torch.device = CPU,
        augment: Augmentation | None = None,
        views: int | None = None,
    ) -> TrainBatches:
        return TrainBatches(Views(self._on(device, "train"), seed, augment, views), self.num_classes, batch_size)

    def val_dataloader(self, batch_size: int = 128, device: torch.device = CPU) -> FixedBatches:
        return FixedBatches(self._on(device, "val"), batch_size)

    def test_dataloader(self, batch_size: int = 128, device: torch.device = CPU) -> FixedBatches:
        return FixedBatches(self._on(device, "test"), batch_size)

    @abstractmethod
    def checksum(self) -> str:
        """Sha-256 of the data as given, in hexadecimal digits, without opening the test images."""

    def _opened(self, part: str) -> ImageSet:
        if part not in self._sets:
            raise DataError(f"the {part} images of {self.name} are not open; call setup({'test' if part == 'test' else 'fit'!r}) first")
        return self._sets[part]

    def _on(self, device: torch.device, part: str) -> ImageSet:
        """The images on a device, brought there once for all trainings."""
        images = self._opened(part)
        if (part, device) not in self._placed:
            self._placed[part, device] = images.to(device)
        return self._placed[part, device]

    def __getstate__(self) -> dict[str, Any]:
        # A worker process opens the images itself: a copy of them with each job would cost more.
        return {**self.__dict__, "_sets": {}, "_placed": {}}
