"""Batches of training images, augmented on the device that trains, many at once: an epoch follows from its seed and number."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from lmanet.data.images import ImageSet, Placed
from lmanet.steps import Augmentation, Batch

# Images are augmented in blocks of so many bytes: enough of them at 32 pixels to share each operation (4,096 images), and not much memory.
BLOCK_BYTES = 4096 * 3 * 32 * 32
ORDER, EACH, MIX = range(3)  # what random numbers are drawn for: each has a stream of its own


class TrainBatches:
    """The batches of an epoch; a last one that is not full is left out, as batch norm needs more than one image.

    What an image looks like does not depend on the size of the batches, nor on where the images are kept.

    Args:
        images: on the device, or in files.
        num_classes: of the labels.
        batch_size: images a batch; no more than there are.
        seed: of order and augmentation.
        augment: what is done to the images; None leaves them.
        views: distinct epochs; None never comes back.
    """

    def __init__(self, images: Placed, batch_size: int, seed: int, augment: Augmentation | None, views: int | None) -> None:
        self.images = images
        self.batch_size = min(batch_size, len(images))
        self.seed = seed
        self.augment = augment
        self.views = views
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.images) // self.batch_size
