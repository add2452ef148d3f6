"""Crop, flip and erasing of many images at once, each image drawn for itself as torchvision draws
it.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2


def crop_and_flip(images: Tensor, padding: int, flip: bool) -> Tensor:
    """`v2.RandomCrop` of the same size after padding with black, then `v2.RandomHorizontalFlip`.

    Args:
        images: uint8 (N, channels, H, W).
        padding: pixels around it; none above and below a signal of one row, nor beside one of one
            column.
        flip: whether half of the images are mirrored left to right.
    """
    count, channels, height, width = images.shape
    down, across = (padding if side > 1 else 0 for side in (height, width))
    rows = torch.randint(2 * down + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(2 * across + 1, (count, 1)) + torch.arange(width)
    if flip:
        columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
    row_index = rows.to(images.device, non_blocking=True).view(count, 1, height, 1)
    column_index = columns.to(images.device, non_blocking=True).view(count, 1, 1, width)
    padded = functional.pad(images, (across, across, down, down))
    cut = padded.gather(2, row_index.expand(-1, channels, -1, padded.shape[3]))
    return cut.gather(3, column_index.expand(-1, channels, height, -1))


def erase(images: Tensor, probability: float) -> Tensor:
    """`v2.RandomErasing`: with ``probability`` an image loses a rectangle to black.

    Args:
        images: uint8 (N, channels, H, W).
        probability: 0 to 1.
    """
    height, width = images.shape[-2:]
    top, left, high, wide = (
        side.to(images.device, non_blocking=True).view(-1, 1, 1, 1)
        for side in _rectangles(len(images), height, width, probability)
    )
    row = torch.arange(height, device=images.device).view(1, 1, -1, 1)
    column = torch.arange(width, device=images.device).view(1, 1, 1, -1)
    is_erased = (row >= top) & (row < top + high) & (column >= left) & (column < left + wide)
    return images.masked_fill(is_erased, 0)


def _rectangles(
    count: int, height: int, width: int, probability: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, left, height and width for each image; of no height where nothing is erased.

    As torchvision does it, ten rectangles are drawn, and the first that is smaller than the image
    is taken.
    """
    transform = v2.RandomErasing()
    area = height * width * torch.empty(count, 10).uniform_(*transform.scale)
    aspect = torch.empty(count, 10).uniform_(*map(math.log, transform.ratio)).exp()
    high, wide = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(1, keepdim=True)
    is_erased = fits.any(1) & (torch.rand(count) < probability)
    high, wide = high.gather(1, first).squeeze(1), wide.gather(1, first).squeeze(1)
    top, left = (
        (torch.rand(count) * (height - high + 1)).long(),
        (torch.rand(count) * (width - wide + 1)).long(),
    )
    return top, left, high * is_erased, wide
