"""Small archives and folders of real images."""

import os
from pathlib import Path

import numpy as np
import pytest
from torchvision.transforms.v2.functional import to_pil_image

from lmanet.data import Mnist5k


@pytest.fixture(scope="session")
def digits() -> Mnist5k:
    data = Mnist5k()
    data.setup("fit")
    data.setup("test")
    return data


@pytest.fixture(scope="session")
def cifar_archives() -> list[str]:
    """The whole of CIFAR-100 in parts, where it is to be had."""
    if "LMANET_DATA" not in os.environ:
        pytest.skip(
            "LMANET_DATA is not set: it names the folder whose data/ holds CIFAR-100 as .npz "
            "archives"
        )
    folder = Path(os.environ["LMANET_DATA"]) / "data"
    return [
        str(folder / f"cifar100_{part}.npz") for part in ("train_1", "train_2", "train_3", "test")
    ]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive in the form of CIFAR-10: 20 images of each class to train, 2 to test, every image
    another.
    """
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("test", 2)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (10 * count, 32, 32, 3), dtype=np.uint8)
        arrays[f"y_{part}"] = np.repeat(np.arange(10, dtype=np.uint8), count)
    np.savez(tmp_path / "small.npz", **arrays)
    return tmp_path / "small.npz"


@pytest.fixture
def folder(tmp_path: Path, digits: Mnist5k) -> Path:
    """Digits 0, 1 and 2 as PNG files, 20 of each, in root/train/<class>."""
    images = digits.train_images
    for digit in range(3):
        (tmp_path / "train" / str(digit)).mkdir(parents=True)
        for number, index in enumerate((images.labels == digit).nonzero().flatten()[:20].tolist()):
            to_pil_image(images[index][0]).save(
                tmp_path / "train" / str(digit) / f"{number:02}.png"
            )
    return tmp_path
