"""CIFAR-100 and CIFAR-10: downloaded by torchvision, or from local .npz archives."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
import torchvision

from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule, user_path
from lmanet.data.split import Split
from lmanet.errors import DataError

HINT = (
    "set data.archive to .npz files with x_train, y_train, x_test and y_test, uint8 (N, 32, 32, 3)"
)
MOST_ARRAY_BYTES = 2**30  # CIFAR's training images have 154 MB


class _Cifar(ImageModule):
    """Either of the two.

    Args:
        root: folder of torchvision's download.
        archive: one .npz file or several instead of the download; several training parts are joined
            in the order given.
        split: how training images are divided.
    """

    source: type[torchvision.datasets.CIFAR10]

    def __init__(
        self,
        root: str = "data",
        archive: str | Sequence[str] | None = None,
        split: Split | None = None,
    ) -> None:
        super().__init__(split or Split())
        self.root = user_path(root)
        self.archive = tuple(
            user_path(path) for path in ([archive] if isinstance(archive, str) else archive or ())
        )

    def read_train(self) -> MemoryImages:
        return _in_memory(*self._read("train"))

    def require_part(self, part: str) -> None:
        names = {name for path in self.archive for name in _names(path)}
        wanted = "test" if part == "test" else "train"
        if self.archive and f"x_{wanted}.npy" not in names:
            raise DataError(f"x_{wanted} is in none of {', '.join(map(str, self.archive))}; {HINT}")

    def read_test(self) -> MemoryImages:
        return _in_memory(*self._read("test"))

    def _read(self, part: str) -> tuple[Any, Any]:
        images, labels = self._from_archive(part) if self.archive else self._download(part)
        if (
            images.dtype != np.uint8
            or images.shape[1:] != (32, 32, 3)
            or labels.shape != images.shape[:1]
        ):
            raise DataError(
                f"{self.name}: the {part} images are {images.dtype} {images.shape}; {HINT}"
            )
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise DataError(
                f"{self.name}: the {part} labels reach {labels.max()}, legal are 0 to "
                f"{self.num_classes - 1}; {HINT}"
            )
        return images, labels

    def _from_archive(self, part: str) -> tuple[Any, Any]:
        images, labels = [], []
        for path in self.archive:
            try:
                _refuse_large(path, (f"x_{part}", f"y_{part}", "fine_label_names"))
                with np.load(path, allow_pickle=False) as archive:
                    if (
                        "fine_label_names" in archive
                        and len(archive["fine_label_names"]) == self.num_classes
                    ):
                        self.classes = tuple(str(name) for name in archive["fine_label_names"])
                    if f"x_{part}" in archive:
                        images.append(archive[f"x_{part}"])
                        labels.append(archive[f"y_{part}"])
            except FileNotFoundError:
                raise DataError(f"no archive at {path}; {HINT}") from None
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                raise DataError(f"{path} cannot be read as an archive ({error}); {HINT}") from error
        if not images:
            raise DataError(f"x_{part} is in none of {', '.join(map(str, self.archive))}; {HINT}")
        return np.concatenate(images), np.concatenate(labels)

    def _download(self, part: str) -> tuple[Any, Any]:
        try:
            dataset = self.source(str(self.root), train=part == "train", download=True)
        except (OSError, RuntimeError) as error:  # no network; a file that is not whole
            raise DataError(
                f"{self.name} cannot be downloaded to {self.root} ({error}); connect to the "
                f"internet, or {HINT}"
            ) from error
        self.classes = tuple(dataset.classes)
        return dataset.data, np.asarray(dataset.targets)


class Cifar100(_Cifar):
    """CIFAR-100: 50,000 training and 10,000 test photographs, 32x32, of 100 classes (Krizhevsky
    2009).
    """

    name = "CIFAR-100"
    description = (
        "photographs of 100 classes of animals, plants, people, vehicles and things (CIFAR-100)"
    )
    num_classes = 100
    height = width = 32
    classes = tuple(map(str, range(100)))  # until the data say more
    mean = (0.5071, 0.4865, 0.4409)
    std = (0.2673, 0.2564, 0.2762)
    source = torchvision.datasets.CIFAR100


class Cifar10(_Cifar):
    """CIFAR-10: 50,000 training and 10,000 test photographs, 32x32, of 10 classes (Krizhevsky
    2009).
    """

    name = "CIFAR-10"
    description = "photographs of 10 classes of animals and vehicles (CIFAR-10)"
    num_classes = 10
    height = width = 32
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)
    source = torchvision.datasets.CIFAR10


def _names(path: Path) -> list[str]:
    """Of the arrays in an archive, from its directory alone."""
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except FileNotFoundError:
        raise DataError(f"no archive at {path}; {HINT}") from None
    except (OSError, BadZipFile) as error:
        raise DataError(f"{path} cannot be read as an archive ({error}); {HINT}") from error


def _refuse_large(path: Path, names: Sequence[str]) -> None:
    """By what the file says of its arrays, before memory is taken for one: some KB may ask for any
    number of GB.

    Raises:
        ValueError: an array is larger than any that is read here, or than what stands in the file.
    """
    with ZipFile(path) as archive:
        for part in archive.infolist():
            if part.filename.removesuffix(".npy") not in names:
                continue  # test images stay closed
            with archive.open(part) as file:
                shape, kind = _header(file)
            size = math.prod(shape) * kind.itemsize
            if not size <= min(part.file_size, MOST_ARRAY_BYTES):
                raise ValueError(
                    f"{part.filename} would have {size:,} bytes; legal are at most "
                    f"{MOST_ARRAY_BYTES:,}, and no more than the file has"
                )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"it has an array in the form {version}")
    shape, _, kind = read[version](file)
    return shape, kind


def _in_memory(images: Any, labels: Any) -> MemoryImages:
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return MemoryImages(pixels, torch.from_numpy(labels.astype(np.int64)))
