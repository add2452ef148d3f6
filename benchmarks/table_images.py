"""Some classes of CIFAR-100: ten of them are the images of the table."""

import torch

from lmanet.data import Cifar100, Split
from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule

CLASSES = (
    "aquarium_fish",
    "bear",
    "bed",
    "bicycle",
    "bottle",
    "cloud",
    "fox",
    "maple_tree",
    "orchid",
    "rocket",
)


class SomeClasses(ImageModule):
    """Some classes of CIFAR-100.

    Args:
        whole: the data set that they are taken from.
        split: how their training images are divided.
        classes: their names, in any order.
    """

    mean, std = Cifar100.mean, Cifar100.std

    def __init__(self, whole: Cifar100, split: Split, classes: tuple[str, ...]) -> None:
        super().__init__(split)
        self.whole = whole
        self.classes = classes
        self.num_classes = len(classes)
        self.name = f"CIFAR-100, {len(classes)} classes"
        self.description = (
            f"photographs of {len(classes)} classes of animals, plants and things (a part of "
            "CIFAR-100)"
        )

    def read_train(self) -> MemoryImages:
        return self._chosen(self.whole.read_train())

    def read_test(self) -> MemoryImages:
        return self._chosen(self.whole.read_test())

    def checksum(self) -> str:
        return self.whole.checksum()

    def _chosen(self, images: MemoryImages) -> MemoryImages:
        number = torch.full((self.whole.num_classes,), -1)
        number[[self.whole.classes.index(name) for name in self.classes]] = torch.arange(
            self.num_classes
        )
        kept = images.subset((number[images.labels] >= 0).nonzero().flatten())
        return MemoryImages(kept.images, number[kept.labels])


class TenClasses(SomeClasses):
    """Ten classes, each of another superclass."""

    def __init__(self, whole: Cifar100, split: Split) -> None:
        super().__init__(whole, split, CLASSES)
