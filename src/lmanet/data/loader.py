"""Batches on the device that trains: training images augmented many at once, the others in a fixed
order; no worker for what fits.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lmanet.data.images import ImageSet
from lmanet.data.split import stratified
from lmanet.steps import Augmentation, Batch

# Images are augmented in blocks of so many bytes: 4,096 of 32 pixels, enough to share each
# operation, and not much memory.
BLOCK_BYTES = 4096 * 3 * 32 * 32
ORDER, EACH, MIX = range(3)  # what is drawn: each has random numbers of its own


@dataclass(frozen=True)
class Views:
    """Training images in the order and with the augmentation of an epoch.

    What an image looks like follows from the seed and the view; neither the size of the batches nor
    where the images are kept matters.

    Attributes:
        images: on their device.
        seed: of order and augmentation.
        augment: what is done to the images; None leaves them.
        number: of distinct epochs; None never comes back.
    """

    images: ImageSet
    seed: int
    augment: Augmentation | None = None
    number: int | None = None

    def of(self, epoch: int) -> int:
        """The view that an epoch has."""
        return epoch % self.number if self.number else epoch

    def blocks(self, view: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, a block at a time, and their indices."""
        with random_of(self.seed, view, ORDER):
            order = torch.randperm(len(self.images))
        parts = torch.split(order, max(1, BLOCK_BYTES // self.images.image_bytes))
        for number, (part, images) in enumerate(zip(parts, self.loaded(parts, view), strict=True)):
            yield self._each(images, view, number), part.to(images.device, non_blocking=True)

    def loaded(self, parts: Sequence[Tensor], view: int) -> Iterator[Tensor]:
        """The images of each part before they are augmented; ``view`` is for what changes them
        at their source.
        """
        return self.images.blocks(parts)

    def mix(self, images: Tensor, targets: Tensor, view: int, number: int) -> tuple[Tensor, Tensor]:
        """A batch with its probabilities, mixed as its number in the view says."""
        if not self.augment:
            return images, targets
        with random_of(self.seed, view, MIX, number):
            return self.augment.mix(images, targets)

    def _each(self, images: Tensor, view: int, number: int) -> Tensor:
        if not self.augment:
            return images
        with random_of(self.seed, view, EACH, number):
            return self.augment.each(images)


class TrainBatches:
    """The batches of an epoch; a last one that is not full is left out, as batch norm needs more
    than one image.

    Args:
        num_classes: of the labels.
        batch_size: images a batch; no more than there are.
        repeats: passes over the images in an epoch, each with a view of its own.
    """

    def __init__(self, views: Views, num_classes: int, batch_size: int, repeats: int = 1) -> None:
        self.views = views
        self.num_classes = num_classes
        self.batch_size = min(batch_size, len(views.images))
        self.repeats = repeats
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def repeated(self, times: int) -> "TrainBatches":
        """The batches of so many passes over the images in each epoch."""
        return TrainBatches(self.views, self.num_classes, self.batch_size, times)

    def fewer(self, images: int | None) -> "TrainBatches":
        """The batches of so many of the images, in proportion to the classes and the same for every
        seed; None is all.
        """
        known = self.views.images
        if images is None or images >= len(known):
            return self
        _, part = stratified(known.labels.cpu(), images / len(known), 0)
        return TrainBatches(
            replace(self.views, images=known.subset(part)),
            self.num_classes,
            self.batch_size,
            self.repeats,
        )

    def __len__(self) -> int:
        return self.repeats * (len(self.views.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.repeats):
            yield from self._pass(self.views.of(self._epoch * self.repeats + number))

    def _pass(self, view: int) -> Iterator[Batch]:
        labels = self.views.images.labels
        for number, (images, indices) in enumerate(self._cut(view)):
            targets = targets_of(labels[indices], self.num_classes)
            yield Batch(*self.views.mix(images, targets, view, number), indices, view)

    def _cut(self, view: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Full batches out of blocks; what is left of a block goes before the next."""
        rest: tuple[Tensor, Tensor] | None = None
        for block in self.views.blocks(view):
            images, indices = (
                (torch.cat(pair) for pair in zip(rest, block, strict=True)) if rest else block
            )
            full = len(indices) - len(indices) % self.batch_size
            for start in range(0, full, self.batch_size):
                yield (
                    images[start : start + self.batch_size],
                    indices[start : start + self.batch_size],
                )
            rest = (images[full:], indices[full:])


def targets_of(labels: Tensor, num_classes: int) -> Tensor:
    """Probabilities (N, classes) of labels (N,); of an image without a label all are 0, so that a
    cross-entropy has nothing of it.
    """
    targets = functional.one_hot(labels.clamp(min=0), num_classes).float()
    return targets.mul_((labels >= 0).float()[:, None])


class FixedBatches:
    """Images as they are and their labels, in the order of the set."""

    def __init__(self, images: ImageSet, batch_size: int) -> None:
        self.images = images
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        parts = torch.split(torch.arange(len(self.images)), self.batch_size)
        yield from zip(
            self.images.blocks(parts), torch.split(self.images.labels, self.batch_size), strict=True
        )


@contextmanager
def random_of(*key: int) -> Iterator[None]:
    """Torch's random numbers of the CPU are those of the key; after it they go on as if nothing had
    been drawn.

    Mixed, not added up: seed + view would give seed 1 the orders of seed 0, one epoch later.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
    try:
        yield
    finally:
        torch.set_rng_state(state)
