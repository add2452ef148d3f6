"""Any user's own images: root/train/<class>/*, and root/val and root/test where they are."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.datasets.folder import IMG_EXTENSIONS

from lmanet.data.images import FileImages, ImageSet
from lmanet.data.module import ImageModule
from lmanet.data.split import Split, stratified
from lmanet.errors import ConfigError, DataError

log = logging.getLogger(__name__)
LAYOUT = "lay the images out as root/train/<class>/<image>, and say where root is with data.root"
STATISTICS_IMAGES = 2000


@dataclass(frozen=True)
class Loading:
    """Where the images are kept.

    Attributes:
        max_memory_bytes: of all decoded images of a part, in the memory of the device that trains; above it they are read from their
            files each time, as they always are with 0.
        num_workers: processes that then read them; what is in memory needs none.
    """

    max_memory_bytes: int = 4_000_000_000
    num_workers: int = 4

    def __post_init__(self) -> None:
        for name in ("max_memory_bytes", "num_workers"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 0; correct data.loading.{name}")


class ImageFolder(ImageModule):
    """Images in one folder a class.

    Args:
        root: has the folder ``train``; without ``val`` or ``test`` these are split from it.
        resolution: height and width, pixels, of the decoded images: shorter side resized, centre cropped.
        test_fraction: share of the images in ``train`` for test, where there is no folder ``test``.
        split: how training images are divided.
    """

    def __init__(
        self,
        root: str,
        resolution: int,
        test_fraction: float = 0.15,
        split: Split | None = None,
        loading: Loading | None = None,
    ) -> None:
        super().__init__(split or Split(val_fraction=0.15))
        if not 0 < test_fraction < 1:
            raise ConfigError(f"test_fraction={test_fraction} must lie between 0 and 1; correct data.test_fraction")
        if resolution < 1:
            raise ConfigError(f"resolution={resolution} must be at least 1 pixel; correct data.resolution")
        self.root = Path(root)
        self.resolution = resolution
        self.test_fraction = test_fraction
        self.loading = loading or Loading()
        self._has_statistics = False
        self.name = self.root.resolve().name
        self.classes = _classes(self.root / "train")
        self.num_classes = len(self.classes)
        names = ", ".join(self.classes[:20]) + (", and more" if self.num_classes > 20 else "")
        self.description = f"images of {self.num_classes} classes: {names}"

    def require_part(self, part: str) -> None:
        for name in ("train", "val") if part == "fit" else ("test",):
            if (self.root / name).is_dir():
                self._scan(name)

    def read_train(self) -> ImageSet:
        return self._load(self._files("train"), "training")

    def read_test(self) -> ImageSet:
        return self._load(self._files("test"), "test")

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        if not (self.root / "val").is_dir():
            return super().divide(images)
        train = self.split.reduce(images.labels, torch.arange(len(images)))
        return images.subset(train), self._load(self._scan("val"), "validation")

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if not self._has_statistics:
            self.mean, self.std = _statistics(self._files("train"))
            self._has_statistics = True

    def checksum(self) -> str:
        """Sha-256 of the class, name and size of every file in ``train``, in order: the contents may be many gigabytes."""
        digest = hashlib.sha256()
        for path in self._scan("train").paths:
            digest.update(f"{path.parent.name}/{path.name} {path.stat().st_size}\n".encode())
        return digest.hexdigest()

    def _files(self, part: str) -> FileImages:
        """Files for training and validation (``train``), or for test, which may be a share of the folder ``train``."""
        if (self.root / "test").is_dir():
            return self._scan(part)
        images = self._scan("train")
        rest, test = stratified(images.labels, self.test_fraction, self.split.seed)
        return images.subset(test if part == "test" else rest)

    def _scan(self, part: str) -> FileImages:
        folder = self.root / part
        if unknown := set(_classes(folder)) - set(self.classes):
            raise DataError(f"{folder} has the class {min(unknown)}, which {self.root / 'train'} has not; {LAYOUT}")
        files = [(path, label) for label, name in enumerate(self.classes) if (folder / name).is_dir() for path in _images(folder / name)]
        return FileImages(
            [path for path, _ in files], torch.tensor([label for _, label in files]), self.resolution, self.loading.num_workers
        )

    def _load(self, images: FileImages, part: str) -> ImageSet:
        size_bytes, most_bytes = len(images) * images.image_bytes, self.loading.max_memory_bytes
        told = (self.name, len(images), part, size_bytes / 1e9, most_bytes / 1e9)
        if size_bytes <= most_bytes:
            log.info("%s: %d %s images are kept in memory: %.2f of at most %.2f GB (data.loading.max_memory_bytes)", *told)
            return images.load()
        log.info(
            "%s: %d %s images are read from their files: %.2f GB are above the %.2f of data.loading.max_memory_bytes; %d workers",
            *(*told, self.loading.num_workers),
        )
        return images


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; {LAYOUT}")
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(names) < 2:
        raise DataError(f"{folder} has {len(names)} class folders, and at least 2 are needed; {LAYOUT}")
    return names


def _images(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not files:
        raise DataError(f"the class folder {folder} is empty; put images into it or delete it")
    for path in files:
        if not path.is_file() or path.suffix.lower() not in IMG_EXTENSIONS:
            raise DataError(f"{path} is not an image ({', '.join(IMG_EXTENSIONS)}); take it out of the folder")
    return files


def _statistics(images: ImageSet) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation of each channel over evenly spaced images, at most `STATISTICS_IMAGES`."""
    step = -(-len(images) // STATISTICS_IMAGES)
    pixels = torch.stack([images[i][0] for i in range(0, len(images), step)]).double() / 255
    mean, std = pixels.mean((0, 2, 3)).tolist(), pixels.std((0, 2, 3)).clamp(min=1e-3).tolist()
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
