"""Deployer: one trained network -> int8, files to flash, and all that was measured on the way."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmanet.deploy.calibrate import METHODS, calibrate
from lmanet.deploy.fold import Folded, fold
from lmanet.deploy.graph import IntegerGraph, Scale
from lmanet.deploy.quantize import quantize
from lmanet.errors import ConfigError
from lmanet.space.weights import Checkpoint


@dataclass(frozen=True)
class Calibration:
    """How the ranges of activations are found.

    Attributes:
        method: ``minmax``, ``percentile`` or ``mse``.
        images: of the training set that are looked at.
    """

    method: str = "mse"
    images: int = 256

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"calibration method={self.method!r} is unknown; legal are {', '.join(METHODS)} (conf/deploy)")
        if self.images < 1:
            raise ConfigError(f"calibration images={self.images}: at least one is needed (conf/deploy)")


def integer_graph(folded: Folded, checkpoint: Checkpoint, inputs: Tensor, calibration: Calibration) -> IntegerGraph:
    """Quantise a folded network after its training.

    Args:
        checkpoint: that it was folded from, for what its input and output mean.
        inputs: normalised images of the training set (N, 3, R, R).
    """
    ranges = calibrate(folded, inputs[: calibration.images], METHODS[calibration.method])
    return quantize(folded, ranges, checkpoint.classes, checkpoint.mean, checkpoint.std)


def to_int8(inputs: Tensor, scale: Scale) -> NDArray[np.int8]:
    """Normalised images (N, C, H, W) -> integers of the network's input, (N, H, W, C)."""
    integers = torch.round(inputs / scale.scale + scale.zero_point).clamp(-128, 127)
    return integers.to(torch.int8).permute(0, 2, 3, 1).contiguous().numpy()
