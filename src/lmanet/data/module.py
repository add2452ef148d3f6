"""The LightningDataModule behind every data set: who may open what, and on which device the images
are.
"""

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule

from lmanet.base import CHECKSUM_FORM, Notice
from lmanet.data.faults import Part, Sample, copy_notices, count_notices, pixel_notices, sample
from lmanet.data.images import FileImages, ImageSet
from lmanet.data.loader import FixedBatches, TrainBatches, Views
from lmanet.data.split import Split, require_images
from lmanet.errors import ConfigError, DataError
from lmanet.network.operators import Shape
from lmanet.steps import Augmentation

log = logging.getLogger(__name__)
CPU = torch.device("cpu")


class ImageModule(LightningDataModule, ABC):
    """Training, validation and test images of one data set.

    A data set says how to read its training and its test images; the base divides, and opens no
    more than a stage needs.

    Attributes:
        name: of the data set.
        description: what the images are, in words, for a prompt.
        mean, std: of each channel, for pixels in 0..1.
        channels, height, width: of each image as it is handed out; height and width are None where
            the networks of a space are square and of any size.
        resizable: whether a network may read the images in another size, as it may of pictures; a
            signal has one length.
    """

    name: str
    description: str
    num_classes: int
    classes: tuple[str, ...]
    channels: int = 3
    height: int | None = None
    width: int | None = None
    resizable: bool = True
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split
        self._sets: dict[str, ImageSet] = {}
        self._parts: dict[str, Part] = {}
        self._folds: dict[tuple[int, int], ImageModule] = {}
        self._notices: tuple[Notice, ...] | None = None
        self._placed: dict[tuple[str, torch.device], ImageSet] = {}

    @property
    def shape(self) -> Shape:
        """Channels, height and width of each image.

        Raises:
            ConfigError: the data set does not say them.
        """
        if self.height is None or self.width is None:
            raise ConfigError(
                f"{self.name} does not say the height and width of its images; give its class "
                "these attributes"
            )
        return self.channels, self.height, self.width

    def require_part(self, part: str) -> None:
        """Raises `DataError` where the images of a part are not there (``fit``: training and
        validation, or ``test``); opens none.
        """

    @abstractmethod
    def read_train(self) -> ImageSet:
        """All images that may be used for training and validation."""

    @abstractmethod
    def read_test(self) -> ImageSet:
        """All test images."""

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        """Training and validation images."""
        require_images(images.labels, self.classes, 2, f"the training images of {self.name}")
        train, val = self.split.divide(images.labels)
        return images.subset(train), images.subset(val)

    def keep(self, images: ImageSet, part: str) -> ImageSet:
        """The same images where they are to be kept; ``part`` is for the log."""
        return images

    def setup(self, stage: str) -> None:
        if stage == "test" and "test" not in self._sets:
            self._sets["test"] = self.keep(self.read_test(), "test")
        if stage in ("fit", "validate") and "train" not in self._sets:
            train, val = self.divide(self.read_train())
            self._sets["train"] = self.keep(train, "training")
            self._sets["val"] = self.keep(val, "validation")
            counts = self.class_counts.values()
            log.info(
                (
                    "%s: %d training and %d validation images of %d classes, %d to %d training "
                    "images each"
                ),
                *(
                    self.name,
                    len(self.train_images),
                    len(self.val_images),
                    self.num_classes,
                    min(counts),
                    max(counts),
                ),
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

    @property
    def pool(self) -> ImageSet:
        """Images that training and validation are divided from."""
        if "pool" not in self._sets:
            self._sets["pool"] = self.keep(self.read_train(), "training and validation")
        return self._sets["pool"]

    def fold(self, number: int, of: int) -> "ImageModule":
        """One of ``of`` divisions of these images into training and validation."""
        from lmanet.data.folds import Fold  # which is such a module, too

        if (number, of) not in self._folds:
            self._folds[number, of] = Fold(self, number, of)
        return self._folds[number, of]

    def train_dataloader(
        self,
        batch_size: int = 128,
        seed: int = 0,
        device: torch.device = CPU,
        augment: Augmentation | None = None,
        views: int | None = None,
    ) -> TrainBatches:
        shown = self.views(self._on(device, "train"), seed, augment, views)
        return TrainBatches(shown, self.num_classes, batch_size)

    def views(
        self, images: ImageSet, seed: int, augment: Augmentation | None, views: int | None
    ) -> Views:
        """How training images are shown."""
        return Views(images, seed, augment, views)

    def val_dataloader(
        self, batch_size: int = 128, device: torch.device = CPU, frames: bool = False
    ) -> FixedBatches:
        return self._fixed("val", batch_size, device, frames)

    def test_dataloader(
        self, batch_size: int = 128, device: torch.device = CPU, frames: bool = False
    ) -> FixedBatches:
        return self._fixed("test", batch_size, device, frames)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is off about the images, each with its counts; none before `setup` with ``fit``.

        Test images are compared with the others by digests alone: nobody is handed one, and nothing
        but numbers is told. They stay closed for `test_images`.
        """
        if "train" not in self._sets:
            return ()
        if self._notices is None:
            self._notices = tuple(self.find_notices())
        return self._notices

    def find_notices(self) -> Iterator[Notice]:
        """Look for what is off."""
        yield from pixel_notices(self.sample())
        parts = {"train": self.part("train"), "val": self.part("val")}
        try:
            parts["test"] = self.part("test")
        except DataError as error:
            text = f"The test images were not compared with the others: {error}."
            yield Notice(kind="no_test_images", text=text)
        measured = {
            "validation": len(self.val_images),
            "test": len(parts["test"].labels) if "test" in parts else 0,
        }
        yield from count_notices(self.class_counts, measured)
        yield from copy_notices(parts, self.classes)

    def sample(self) -> Sample:
        """What evenly spaced training images show."""
        return sample(self.train_images)

    def part(self, name: str) -> Part:
        """Digests and labels of ``train``, ``val`` or ``test``; taken once."""
        if name not in self._parts:
            images = self.given(name)
            self._parts[name] = Part(images.digests(), images.labels.tolist())
        return self._parts[name]

    def given(self, part: str) -> ImageSet:
        """The images of a part as they were given, wherever they are kept now."""
        return self.read_test() if part == "test" else self._opened(part)

    def checksum(self) -> str:
        """`CHECKSUM_FORM` and the Sha-256 of training and validation images and labels, in their
        order.
        """
        self.setup("fit")
        digest = hashlib.sha256()
        for name in ("train", "val"):
            digest.update(f"{name}\n".encode())
            for image, label in zip(*self.part(name), strict=True):
                digest.update(image + f"{label}\n".encode())
        return f"{CHECKSUM_FORM}{digest.hexdigest()}"

    def _opened(self, part: str) -> ImageSet:
        if part not in self._sets:
            raise DataError(
                f"the {part} images of {self.name} are not open; call "
                f"setup({'test' if part == 'test' else 'fit'!r}) first"
            )
        return self._sets[part]

    def _fixed(
        self, part: str, batch_size: int, device: torch.device, frames: bool
    ) -> FixedBatches:
        images = self._on(device, part)
        if frames and isinstance(given := self.given(part), FileImages):
            return FixedBatches(given.frames().to(device), 1)
        return FixedBatches(images, batch_size)

    def _on(self, device: torch.device, part: str) -> ImageSet:
        """The images on a device, brought there once for all trainings."""
        images = self._opened(part)
        if (part, device) not in self._placed:
            self._placed[part, device] = images.to(device)
        return self._placed[part, device]

    def opened(self) -> dict[str, ImageSet]:
        return {part: self._opened(part) for part in ("train", "val")}

    def take(self, opened: object) -> None:
        assert isinstance(opened, dict)
        self._sets = {**opened}

    def __getstate__(self) -> dict[str, Any]:
        # A worker process opens the images itself: a copy of them with each job would cost more.
        opened: dict[str, Any] = {"_sets": {}, "_placed": {}, "_parts": {}, "_folds": {}}
        return {**self.__dict__, **opened, "_notices": None}


def require_colours(channels: object) -> None:
    """Raise `ConfigError` where ``channels`` are not those of a picture."""
    if channels not in (1, 3):
        raise ConfigError(
            f"channels={channels} must be 3 (red, green, blue) or 1 (grey); correct data.channels"
        )


def user_path(given: str) -> Path:
    """A path as a user types it: ``~`` is the home folder.

    Raises:
        ConfigError: nobody of that name has one.
    """
    try:
        return Path(str(given)).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{given}: {error} Give the whole path") from error
