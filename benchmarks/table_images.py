"""The images of the table: ten classes of CIFAR-100, and their augmentation a batch at a time."""

import torch
from torch import Tensor
from torch.nn import functional

from lmanet.data import Cifar100, Split
from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule

CLASSES = ("aquarium_fish", "bear", "bed", "bicycle", "bottle", "cloud", "fox", "maple_tree", "orchid", "rocket")


class TenClasses(ImageModule):
    """Ten classes of CIFAR-100, each of another superclass.

    Args:
        whole: the data set that they are taken from.
        split: how their training images are divided.
    """

    name = "CIFAR-100, 10 classes"
    description = "photographs of 10 classes of animals, plants and things (a part of CIFAR-100)"
    num_classes = len(CLASSES)
    classes: tuple[str, ...] = CLASSES
    mean, std = Cifar100.mean, Cifar100.std

    def __init__(self, whole: Cifar100, split: Split) -> None:
        super().__init__(split)
        self.whole = whole

    def read_train(self) -> MemoryImages:
        return self._chosen(self.whole.read_train())

    def read_test(self) -> MemoryImages:
        return self._chosen(self.whole.read_test())

    def checksum(self) -> str:
        return self.whole.checksum()

    def _chosen(self, images: MemoryImages) -> MemoryImages:
        number = torch.full((self.whole.num_classes,), -1)
        number[[self.whole.classes.index(name) for name in CLASSES]] = torch.arange(len(CLASSES))
        kept = images.subset((number[images.labels] >= 0).nonzero().flatten())
        return MemoryImages(kept.images, number[kept.labels])


def crop_and_flip(images: Tensor, targets: Tensor, padding: int = 4) -> tuple[Tensor, Tensor]:
    """What `lmanet.data.Augment` does with crop_padding=4 and flip, by one index operation: a quarter of such a small training less.

    Args:
        images: uint8 (N, 3, H, W).
        targets: (N, classes), probabilities; left as they are.
        padding: pixels of black around an image before it is cropped.
    """
    count, channels, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4)
    rows = torch.randint(2 * padding + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(2 * padding + 1, (count, 1)) + torch.arange(width)
    columns = torch.where(torch.rand(count, 1) < 0.5, columns, columns.flip(1))
    image, channel = torch.arange(count).view(-1, 1, 1, 1), torch.arange(channels).view(1, -1, 1, 1)
    return padded[image, channel, rows.view(count, 1, -1, 1), columns.view(count, 1, 1, -1)], targets
