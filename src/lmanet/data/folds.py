"""Several divisions of the same images into training and validation (stratified k-fold)."""

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from lmanet.data.images import ImageSet
from lmanet.data.loader import Views
from lmanet.data.module import ImageModule
from lmanet.data.split import require_images
from lmanet.steps import Augmentation


class Fold(ImageModule):
    """One division of a data set: each image that is not for test validates in one of them.

    Args:
        whole: the data set, whose pixels are normalised as ever.
        number: of the division, from 0.
        of: how many there are; each class needs as many images.

    Raises:
        DataError: a class has fewer; said when the images are opened.
    """

    def __init__(self, whole: ImageModule, number: int, of: int) -> None:
        super().__init__(whole.split)
        self.whole, self.number, self.of = whole, number, of
        self.name, self.description = whole.name, whole.description
        self.num_classes, self.classes = whole.num_classes, whole.classes
        self.channels, self.height, self.width = whole.channels, whole.height, whole.width
        self.resizable = whole.resizable

    def setup(self, stage: str) -> None:
        if stage in ("fit", "validate") and "train" not in self._sets:
            self.whole.setup("fit")
            self.mean, self.std, self.classes = self.whole.mean, self.whole.std, self.whole.classes
            train, val = self.divide(self.whole.pool)
            self._sets = {"train": train, "val": val}

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        labels, where = images.labels.cpu(), f"the training images of {self.name}"
        require_images(labels, self.classes, self.of, where, f", one for each of {self.of} folds")
        groups = getattr(images, "groups", None)
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = kind(self.of, shuffle=True, random_state=self.split.seed)
        parts = list(folds.split(np.zeros(len(labels)), labels.numpy(), groups))
        train, val = (torch.from_numpy(part) for part in parts[self.number])
        return images.subset(self.split.reduce(labels, train)), images.subset(val)

    def read_train(self) -> ImageSet:
        return self.whole.read_train()

    def read_test(self) -> ImageSet:
        return self.whole.read_test()

    def views(
        self, images: ImageSet, seed: int, augment: Augmentation | None, views: int | None
    ) -> Views:
        return self.whole.views(images, seed, augment, views)

    def given(self, part: str) -> ImageSet:
        if part == "test":
            return self.whole.given(part)
        train, val = self.divide(self.whole.read_train())
        return train if part == "train" else val

    def checksum(self) -> str:
        return self.whole.checksum()
