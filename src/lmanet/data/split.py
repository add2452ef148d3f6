"""Which images are for training and which for validation: fixed by a seed, in proportion to the
classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmanet.base import AtLeast0
from lmanet.errors import ConfigError, DataError


@dataclass(frozen=True)
class Split:
    """How the training images are divided; the test images have no part in it.

    Attributes:
        val_fraction: share of the training images that is kept for validation, above 0 and below 1.
        seed: of the division; apart from the run's seed, so that all runs validate on the same
            images.
        max_train_images: train on so many of the images left, in proportion to the classes; None
            takes all.
    """

    val_fraction: float = 0.1
    seed: AtLeast0 = 0
    max_train_images: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.val_fraction < 1:
            raise ConfigError(
                f"val_fraction={self.val_fraction} must lie between 0 and 1; correct "
                "data.split.val_fraction"
            )
        if self.max_train_images is not None and self.max_train_images < 1:
            raise ConfigError(
                f"max_train_images={self.max_train_images} must be at least 1 or null; correct "
                "data.split.max_train_images"
            )

    def divide(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Indices of the images for training and for validation, given the label of each image
        (N,).
        """
        train, val = stratified(labels, self.val_fraction, self.seed)
        return self.reduce(labels, train), val

    def reduce(self, labels: Tensor, train: Tensor) -> Tensor:
        """At most ``max_train_images`` of the indices ``train``."""
        if self.max_train_images is None or self.max_train_images >= len(train):
            return train
        _, part = stratified(labels[train], self.max_train_images / len(train), self.seed)
        return train[part]


def require_images(
    labels: Tensor, classes: Sequence[str], least: int, where: str, purpose: str = ""
) -> None:
    """Refuse classes that cannot be divided, by name.

    Args:
        labels: (N,), class of each image.
        least: images that each class needs; one without any does not count.
        where: what the images are, for the message.
        purpose: what each of the ``least`` is for.

    Raises:
        DataError: a class has fewer.
    """
    counts = torch.bincount(labels, minlength=len(classes)).tolist()
    if short := [
        (name, count) for name, count in zip(classes, counts, strict=True) if 0 < count < least
    ]:
        name, count = short[0]
        images = "1 image" if count == 1 else f"{count} images"
        others = f" ({len(short)} classes have too few)" if len(short) > 1 else ""
        raise DataError(
            f"the class {name} has {images} in {where}, and at least {least} are needed{purpose}; "
            f"add some{others}"
        )


def stratified(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Divide indices in two, each class on its own, at least one image of each class on either
    side.

    A class of a single image, which `require_images` finds, goes to the second part.

    Args:
        labels: (N,), class of each image.
        fraction: share of each class, rounded to whole images, that the second part gets.
    """
    rng = np.random.default_rng(seed)
    classes = labels.numpy()
    chosen = np.zeros(len(classes), dtype=bool)
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        count = max(1, min(round(fraction * len(members)), len(members) - 1))
        chosen[members[:count]] = True
    return torch.from_numpy(np.flatnonzero(~chosen)), torch.from_numpy(np.flatnonzero(chosen))
