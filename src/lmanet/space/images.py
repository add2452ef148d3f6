"""Pixels -> what a network reads: the one place where images are normalised and brought to a network's resolution."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def normalise(images: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> Tensor:
    """Pixels 0..255 (N, 3, H, W) -> (pixel / 255 - mean) / std, by channel."""
    mean, std = (torch.as_tensor(each, device=images.device, dtype=torch.float32).view(3, 1, 1) for each in (mean, std))
    return (images.float() / 255 - mean) / std


def resize(images: Tensor, resolution: int) -> Tensor:
    """Bilinear, (N, 3, H, W) -> (N, 3, resolution, resolution); as they are where they have that size."""
    size = (resolution, resolution)
    if images.shape[-2:] == size:
        return images
    return functional.interpolate(images, size, mode="bilinear", antialias=resolution < min(images.shape[-2:]))
