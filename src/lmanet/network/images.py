"""Pixels -> what a network reads: the one place where images are cropped, resized and normalised.

`deploy/c/firmware/camera.c` does the same to a camera's frame, to the byte.
"""

from collections.abc import Sequence
from functools import cache
from math import gcd
from typing import NamedTuple

import torch
from torch import Tensor


def normalise(
    images: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor
) -> Tensor:
    """Pixels 0..255 (N, 3, H, W) -> (pixel / 255 - mean) / std, by channel."""
    mean, std = (
        torch.as_tensor(each, device=images.device, dtype=torch.float32).view(3, 1, 1)
        for each in (mean, std)
    )
    return (images.float() / 255 - mean) / std


def fit(images: Tensor, resolution: int, height_axis: int = -2) -> Tensor:
    """Crop images to their largest centred square and bring that to (resolution, resolution).

    A square that is larger is averaged by area, a smaller one interpolated (bilinear, centres of
    pixels at halves). Bytes become the nearest bytes, halves going up; the sums are exact, so every
    device gives the same. Floats are not rounded.

    Args:
        images: uint8, or float of any range; the width follows the height.
        height_axis: of the height: -2 for (..., H, W), -3 for (..., H, W, C).
    """
    square = _centre(images, height_axis)
    side = square.shape[height_axis]
    if side == resolution:
        return square
    axis = _axis(side, resolution)
    area = axis.total**2
    if images.is_floating_point():
        return _both_ways(square, axis, height_axis, torch.float32) / area
    exact = torch.int32 if 256 * area < 2**31 else torch.int64
    sums = _both_ways(square, axis, height_axis, exact)
    return sums.add_(area // 2).div_(area, rounding_mode="floor").to(torch.uint8)


class _Axis(NamedTuple):
    """How pixels of one axis become others: each is a weighted mean of a few.

    Attributes:
        sources: int64 (taps, resolution), numbers of the pixels that one is made of.
        weights: int32, of the same shape.
        total: of the weights of each.
    """

    sources: Tensor
    weights: Tensor
    total: int


@cache
def _axis(side: int, resolution: int) -> _Axis:
    """In units in which all edges, or all centres, of both grids are integers."""
    common = gcd(side, resolution)
    # widths of a pixel of the side, and of one of the resolution
    old, new = (
        resolution // common,
        side // common,
    )
    number = torch.arange(resolution)
    if side < resolution:
        # from the first pixel's; a half pixel is `old`
        centre = ((2 * number + 1) * new - old).clamp(min=0)
        first = centre // (2 * old)
        after = centre % (2 * old)
        return _Axis(
            torch.stack((first, (first + 1).clamp(max=side - 1))),
            torch.stack((2 * old - after, after)).int(),
            2 * old,
        )
    start, end = number * new, (number + 1) * new
    sources = start // old + torch.arange(-(-new // old) + 1)[:, None]
    overlap = torch.minimum(end, (sources + 1) * old) - torch.maximum(start, sources * old)
    return _Axis(sources.clamp(max=side - 1), overlap.clamp(min=0).int(), new)


def _centre(images: Tensor, height_axis: int) -> Tensor:
    height, width = images.shape[height_axis], images.shape[height_axis + 1]
    side = min(height, width)
    rows = images.narrow(height_axis, (height - side) // 2, side)
    return rows.narrow(height_axis + 1, (width - side) // 2, side)


def _both_ways(images: Tensor, axis: _Axis, height_axis: int, dtype: torch.dtype) -> Tensor:
    """Weighted sums over rows, then over columns: the image is transposed in between, since whole
    rows are fast to fetch.
    """
    columns = (
        _along(images, axis, height_axis, dtype)
        .transpose(height_axis, height_axis + 1)
        .contiguous()
    )
    return _along(columns, axis, height_axis, dtype).transpose(height_axis, height_axis + 1)


def _along(images: Tensor, axis: _Axis, dim: int, dtype: torch.dtype) -> Tensor:
    shape = [1] * images.ndim
    shape[dim] = -1
    sources, weights = (
        axis.sources.to(images.device),
        axis.weights.to(images.device, dtype).view(len(axis.weights), *shape),
    )
    sums = images.index_select(dim, sources[0]).to(dtype).mul_(weights[0])
    for source, weight in zip(sources[1:], weights[1:], strict=True):
        sums.addcmul_(images.index_select(dim, source).to(dtype), weight)
    return sums
