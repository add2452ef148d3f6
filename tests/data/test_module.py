import pickle

import pytest
import torch

from lmanet.data import Mnist5k, Split
from lmanet.errors import DataError


def test_training_validation_and_test_share_no_image(digits: Mnist5k) -> None:
    parts = [digits.train_images, digits.val_images, digits.test_images]
    seen = [{part[i][0].numpy().tobytes() for i in range(len(part))} for part in parts]
    assert [len(part) for part in parts] == [2560 + 640, 800, 1000]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])


def test_a_set_that_was_not_opened_is_refused() -> None:
    data = Mnist5k()
    data.setup("fit")
    with pytest.raises(
        DataError, match=r"test images of MNIST-5k are not open; call setup\('test'\)"
    ):
        data.test_dataloader()


def test_a_copy_for_a_worker_carries_no_images_and_gives_the_same(digits: Mnist5k) -> None:
    packed = pickle.dumps(digits)
    assert len(packed) < 10_000
    copy = pickle.loads(packed)
    copy.setup("fit")
    assert torch.equal(copy.val_images.images, digits.val_images.images)


def test_the_statistics_are_those_of_the_images(digits: Mnist5k) -> None:
    pixels = digits.train_images.images.double() / 255
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(list(digits.mean), abs=0.005)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx(list(digits.std), abs=0.005)


def test_digits_bear_their_labels(digits: Mnist5k) -> None:
    ones = digits.test_images.images[digits.test_images.labels == 1].double()
    zeros = digits.test_images.images[digits.test_images.labels == 0].double()
    # a nought is empty in its middle
    assert ones[:, :, 12:16, 12:16].mean() > 3 * zeros[:, :, 12:16, 12:16].mean()


def test_the_images_of_each_class_are_counted():
    data = Mnist5k(Split(val_fraction=0.2, max_train_images=1000))
    data.setup("fit")
    assert list(data.class_counts) == list("0123456789")
    assert (
        sum(data.class_counts.values()) == len(data.train_images)
        and min(data.class_counts.values()) > 80
    )
