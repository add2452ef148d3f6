"""Any user's own images: root/<class>/*, or root/train/<class>/* with root/val and root/test."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from lmanet.base import Notice
from lmanet.data.faults import Sample, class_notices, left_out_notices, sample
from lmanet.data.images import FileImages, ImageSet
from lmanet.data.listing import (
    LAYOUT,
    PARTS,
    Listing,
    class_names,
    list_part,
    require_classes,
    train_folder,
)
from lmanet.data.module import ImageModule, require_colours, user_path
from lmanet.data.split import Split, require_images, stratified
from lmanet.errors import ConfigError
from lmanet.network.operators import Shape

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loading:
    """Where the images are kept.

    Attributes:
        max_memory_bytes: of all decoded images of a part, in the memory of the device that trains;
            above it they are read from their files each time, as they always are with 0.
        num_workers: processes that then read them; what is in memory needs none.
    """

    max_memory_bytes: int = 4_000_000_000
    num_workers: int = 4

    def __post_init__(self) -> None:
        for name in ("max_memory_bytes", "num_workers"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    f"{name}={getattr(self, name)} must be at least 0; correct data.loading.{name}"
                )


def _shape_of(channels: int, resolution: int, width: int | None) -> Shape:
    """Channels, height and width as they are set.

    Raises:
        ConfigError: one of them is not legal.
    """
    if not isinstance(resolution, int) or resolution < 1:
        raise ConfigError(
            f"resolution={resolution} must be a whole number of pixels, at least 1; correct "
            "data.resolution"
        )
    require_colours(channels)
    if width is not None and (not isinstance(width, int) or width < 1):
        raise ConfigError(
            f"width={width} must be a whole number of pixels, at least 1, or null for a square; "
            "correct data.width"
        )
    return channels, resolution, width or resolution


class ImageFolder(ImageModule):
    """Images in one folder a class; what is no picture is left out, counted and named in a notice.

    Args:
        root: has a folder for each class, or the folder ``train`` that has them; without ``val`` or
            ``test`` these are split from it; ``~`` is home.
        resolution: height, pixels, that the largest centred part of each image is resized to.
        test_fraction: share of the images in ``train`` for test, where there is no folder ``test``.
        split: how training images are divided.
        channels: 3 for red, green and blue; 1 reads colour in grey, too.
        width: that it is resized to; None is that of a square.

    Raises:
        ConfigError: a setting is missing or not legal.
        DataError: a folder is missing, or the parts have not the same classes.
    """

    def __init__(  # noqa: PLR0913 each is a key of conf/data
        self,
        root: str | None,
        resolution: int,
        test_fraction: float = 0.15,
        split: Split | None = None,
        loading: Loading | None = None,
        channels: int = 3,
        width: int | None = None,
    ) -> None:
        super().__init__(split or Split(val_fraction=0.15))
        if not root:
            raise ConfigError(
                "data.root is not set, and names the folder of your images; "
                f"{LAYOUT}=/path/to/images"
            )
        if not 0 < test_fraction < 1:
            raise ConfigError(
                f"test_fraction={test_fraction} must lie between 0 and 1; correct "
                "data.test_fraction"
            )
        self.root = user_path(root)
        self.channels, self.height, self.width = _shape_of(channels, resolution, width)
        self.test_fraction = test_fraction
        self.loading = loading or Loading()
        self._sample: Sample | None = None
        self._listings: dict[str, Listing] = {}
        self.name = self.root.resolve().name
        # looked up once: a worker may come when a folder is gone
        self._train = train_folder(self.root)
        self.given_parts = tuple(part for part in PARTS if (self.root / part).is_dir())
        self.classes = class_names(self._train)
        for part in self.given_parts:
            require_classes(self.root / part, self.classes)
        self.num_classes = len(self.classes)
        names = ", ".join(self.classes[:20]) + (", and more" if self.num_classes > 20 else "")
        self.description = f"images of {self.num_classes} classes: {names}"

    def require_part(self, part: str) -> None:
        for name in ("train", "val") if part == "fit" else ("test",):
            if name in ("train", *self.given_parts):
                self._listing(name)

    def read_train(self) -> FileImages:
        return self._files("train")

    def read_test(self) -> FileImages:
        return self._files("test")

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        if "val" not in self.given_parts:
            return super().divide(images)
        train = self.split.reduce(images.labels, torch.arange(len(images)))
        return images.subset(train), self._scan("val")

    def fold(self, number: int, of: int) -> ImageModule:
        if "val" in self.given_parts:
            raise ConfigError(
                f"folds={of}: {self.root} has a folder val, so its images are divided already; "
                "move them to train, or set the recipe's folds to 1 (conf/train)"
            )
        return super().fold(number, of)

    def keep(self, images: ImageSet, part: str) -> ImageSet:
        """In memory where they fit, else in their files."""
        assert isinstance(images, FileImages)
        size_bytes, most_bytes = len(images) * images.image_bytes, self.loading.max_memory_bytes
        told = (self.name, len(images), part, size_bytes / 1e9, most_bytes / 1e9)
        if size_bytes <= most_bytes:
            log.info(
                (
                    "%s: %d %s images are kept in memory: %.2f of at most %.2f GB "
                    "(data.loading.max_memory_bytes)"
                ),
                *told,
            )
            return images.load()
        log.info(
            (
                "%s: %d %s images are read from their files: %.2f GB are above the %.2f of "
                "data.loading.max_memory_bytes; %d workers"
            ),
            *(*told, self.loading.num_workers),
        )
        return images

    def setup(self, stage: str) -> None:
        self.listings()  # what is wrong with a later part is said now
        super().setup(stage)
        if self._sample is None:
            self._sample = sample(self.read_train())
            self.mean, std = self._sample.mean, self._sample.std
            self.std = tuple(max(each, 1e-3) for each in std)

    def given(self, part: str) -> ImageSet:
        if part == "test":
            return self.read_test()
        train, val = self.divide(self.read_train())
        return train if part == "train" else val

    def find_notices(self) -> Iterator[Notice]:
        left_out = [path for listing in self.listings() for path in listing.left_out]
        yield from left_out_notices(self.root, left_out)
        yield from class_notices(self.classes)
        yield from super().find_notices()

    def listings(self) -> list[Listing]:
        """Of each part that has a folder."""
        return [self._listing(part) for part in ("train", *self.given_parts)]

    def sample(self) -> Sample:
        assert self._sample is not None  # notices come after `setup`
        return self._sample

    def _files(self, part: str) -> FileImages:
        """Files for training and validation (``train``), or for test, which may be a share of the
        folder ``train``.
        """
        if "test" in self.given_parts:
            return self._scan(part)
        images = self._scan("train")
        rest, test = stratified(images.labels, self.test_fraction, self.split.seed)
        return images.subset(test if part == "test" else rest)

    def _scan(self, part: str) -> FileImages:
        listing = self._listing(part)
        return FileImages(
            listing.paths,
            torch.tensor(listing.labels),
            self.shape,
            self.loading.num_workers,
            listing.stamps,
        )

    def _listing(self, part: str) -> Listing:
        """Made once, and sent to workers: if they looked, a file that is gone would give them other
        parts.
        """
        if part not in self._listings:
            folder = self._train if part == "train" else self.root / part
            listing = list_part(folder, self.classes)
            if part == "train":
                self._require_enough(listing)
            self._listings[part] = listing
        return self._listings[part]

    def _require_enough(self, train: Listing) -> None:
        split_off = {"val": "validation", "test": "test"}
        uses = [
            "training",
            *(name for part, name in split_off.items() if part not in self.given_parts),
        ]
        purpose = f", one each for {', '.join(uses[:-1])} and {uses[-1]}" if len(uses) > 1 else ""
        require_images(
            torch.tensor(train.labels), self.classes, len(uses), str(self._train), purpose
        )
