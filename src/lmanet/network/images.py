"""Pixels, or a sensor's values, -> what a network reads: the one place where images are cropped,
resized and normalised, and values become bytes.

`deploy/c/firmware/camera.c` does the same to a camera's frame, to the byte, and
`deploy/c/stream/lmanet_moments.c` to a sensor's values.
"""

from collections.abc import Sequence
from functools import cache
from math import gcd
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# ITU-R 601: 0.299, 0.587 and 0.114 in units of 2^-16, as `deploy/c/firmware/camera.c` has them.
RED, GREEN, BLUE = 19595, 38470, 7471


def normalise(
    images: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor
) -> Tensor:
    """Pixels 0..255 (N, channels, H, W) -> (pixel / 255 - mean) / std, by channel."""
    mean, std = (
        torch.as_tensor(each, device=images.device, dtype=torch.float32).view(-1, 1, 1)
        for each in (mean, std)
    )
    return (images.float() / 255 - mean) / std


class Scaling(NamedTuple):
    """Values -> bytes, channel by channel.

    Attributes:
        lowest: what becomes byte 0.
        gain: bytes for a unit.
    """

    lowest: NDArray[np.float32]
    gain: NDArray[np.float32]

    def bytes_of(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Of values (..., channels, time), in single precision as a board computes."""
        scaled = (values - self.lowest[:, None]) * self.gain[:, None] + np.float32(0.5)
        made: NDArray[np.uint8] = np.clip(np.floor(scaled), 0, 255).astype(np.uint8)
        return made


def grey(images: Tensor, channel_axis: int) -> Tensor:
    """Bytes of red, green and blue -> the grey that they look like, by the weights of ITU-R 601;
    grey stays as it is.

    Args:
        channel_axis: of three channels, of which one remains.
    """
    red, green, blue = images.int().unbind(channel_axis)
    sums = RED * red + GREEN * green + BLUE * blue
    return ((sums + (1 << 15)) >> 16).to(torch.uint8).unsqueeze(channel_axis)


def fit(images: Tensor, size: int | tuple[int, int], height_axis: int = -2) -> Tensor:
    """Crop images to the largest centred part of the wanted aspect, and bring that to ``size``.

    A side that is larger is averaged by area, a smaller one interpolated (bilinear, centres of
    pixels at halves). Bytes become the nearest bytes, halves going up; the sums are exact, so every
    device gives the same. Floats are not rounded.

    Args:
        images: uint8, or float of any range; the width follows the height.
        size: height and width, or one number for both.
        height_axis: of the height: -2 for (..., H, W), -3 for (..., H, W, C).
    """
    height, width = (size, size) if isinstance(size, int) else size
    part = _centre(images, height, width, height_axis)
    high, wide = part.shape[height_axis], part.shape[height_axis + 1]
    if (high, wide) == (height, width):
        return part
    axes = _axis(high, height), _axis(wide, width)
    area = axes[0].total * axes[1].total
    if images.is_floating_point():
        return _both_ways(part, axes, height_axis, torch.float32) / area
    exact = torch.int32 if 256 * area < 2**31 else torch.int64
    sums = _both_ways(part, axes, height_axis, exact)
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


def part_of(frame: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the largest part of a frame that has the aspect of ``size``."""
    (high, wide), (height, width) = frame, size
    return max(1, min(high, wide * height // width)), max(1, min(wide, high * width // height))


def _centre(images: Tensor, height: int, width: int, height_axis: int) -> Tensor:
    frame = images.shape[height_axis], images.shape[height_axis + 1]
    high, wide = part_of(frame, (height, width))
    rows = images.narrow(height_axis, (frame[0] - high) // 2, high)
    return rows.narrow(height_axis + 1, (frame[1] - wide) // 2, wide)


def _both_ways(
    images: Tensor, axes: tuple[_Axis, _Axis], height_axis: int, dtype: torch.dtype
) -> Tensor:
    """Weighted sums over rows, then over columns: the image is transposed in between, since whole
    rows are fast to fetch.
    """
    columns = (
        _along(images, axes[0], height_axis, dtype)
        .transpose(height_axis, height_axis + 1)
        .contiguous()
    )
    return _along(columns, axes[1], height_axis, dtype).transpose(height_axis, height_axis + 1)


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
