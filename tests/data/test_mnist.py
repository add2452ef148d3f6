"""MNIST-5k in one channel or three."""

import pytest

from lmanet.data import Mnist5k
from lmanet.errors import ConfigError


def test_grey_digits_are_those_that_are_repeated_to_three_channels(digits: Mnist5k) -> None:
    grey = Mnist5k(channels=1)
    grey.setup("fit")
    assert grey.shape == (1, 28, 28) and digits.shape == (3, 28, 28)
    assert len(grey.mean) == len(grey.std) == 1
    assert grey.train_images.images.shape[1] == 1
    assert (digits.train_images.images == grey.train_images.images).all()


def test_two_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"channels=2 must be 3 .* correct data\.channels"):
        Mnist5k(channels=2)
