"""The images of the table: ten classes of CIFAR-100."""

import torch

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
