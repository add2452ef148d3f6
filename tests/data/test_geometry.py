"""Crop, flip and erasing against torchvision's transforms of one image."""

import pytest
import torch
from scipy.stats import chisquare, ks_2samp
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from lmanet.data.geometry import crop_and_flip, erase

# each says where it was
PIXELS = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, 3, 1, 1)


def placed(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Top and left of the crop of each of `PIXELS` with 4 pixels of padding, and whether it was
    mirrored.
    """
    middle, beside = images[:, 0, 8, 8].long(), images[:, 0, 8, 7].long()
    is_mirrored = beside > middle
    top, left = middle // 16 - 4, middle % 16 - torch.where(is_mirrored, 7, 8) + 4
    return top, left, is_mirrored


def test_crops_and_flips_are_torchvisions_and_each_as_likely() -> None:
    torch.manual_seed(0)
    images = crop_and_flip(PIXELS.expand(8100, -1, -1, -1), 4, flip=True)
    top, left, is_mirrored = placed(images)
    padded = functional.pad(PIXELS[0], [4])
    for image, row, column, mirrored in zip(
        images[:500], top.tolist(), left.tolist(), is_mirrored.tolist(), strict=False
    ):
        cropped = functional.crop(padded, row, column, 16, 16)
        assert torch.equal(image, functional.horizontal_flip(cropped) if mirrored else cropped)
    counts = torch.bincount((top * 9 + left) * 2 + is_mirrored, minlength=162)
    assert len(counts) == 162 and chisquare(counts).pvalue > 1e-3


def test_torchvisions_crops_are_so_likely_too() -> None:
    torch.manual_seed(0)
    transform = v2.RandomCrop((16, 16), padding=4)
    top, left, _ = placed(torch.stack([transform(PIXELS[0]) for _ in range(2000)]))
    assert chisquare(torch.bincount(top * 9 + left, minlength=81)).pvalue > 1e-3


def test_without_flip_nothing_is_mirrored_and_without_padding_nothing_moved() -> None:
    assert not placed(crop_and_flip(PIXELS.expand(200, -1, -1, -1), 4, flip=False))[2].any()
    images = crop_and_flip(PIXELS.expand(200, -1, -1, -1), 0, flip=True)
    assert {tuple(image.flatten().tolist()) for image in images} == {
        tuple(each.flatten().tolist()) for each in (PIXELS, PIXELS.flip(-1))
    }


@pytest.mark.parametrize("size", [(32, 32), (12, 40)], ids=str)
def test_erased_rectangles_are_torchvisions(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    is_black = erase(torch.ones(4000, 3, *size, dtype=torch.uint8), 0.25) == 0
    rows, columns = is_black.any(3).any(1), is_black.any(2).any(1)
    found = torch.stack(
        [rows.int().argmax(1), columns.int().argmax(1), rows.sum(1), columns.sum(1)], 1
    )
    # one rectangle, whole, in all channels
    assert torch.equal(is_black.sum((1, 2, 3)), 3 * found[:, 2] * found[:, 3])
    transform, image = v2.RandomErasing(1.0), torch.ones(3, *size, dtype=torch.uint8)
    drawn = [transform.make_params([image]) for _ in range(1000)]
    expected = torch.tensor(
        [[each[side] for side in "ijhw"] for each in drawn if each["v"] is not None]
    )
    erased = found[found[:, 2] > 0]
    assert len(erased) == pytest.approx(
        1000 * len(expected) / len(drawn), abs=4 * (4000 * 0.25 * 0.75) ** 0.5
    )
    for side in range(4):
        assert ks_2samp(erased[:, side], expected[:, side]).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(2, 1, 30), (2, 30, 1)], ids=str)
def test_a_crop_moves_a_signal_along_its_samples_alone(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    signals = torch.full((50, *shape), 7, dtype=torch.uint8)
    cropped = crop_and_flip(signals, 4, flip=False)
    assert cropped.shape == signals.shape
    kept = (cropped == 7).flatten(1).double().mean(1)
    assert kept.min() >= 26 / 30 and kept.max() == 1
