"""Calibration images -> the range of real numbers that the int8 values of each tensor span."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from lmanet.deploy.int8.fold import Folded
from lmanet.errors import ConfigError
from lmanet.network.build import ACTIVATIONS
from lmanet.network.int8 import FUSED, LEVELS, tensor_before_table

BINS = 2048
Function = Callable[[Tensor], Tensor]


class Range(NamedTuple):
    """From ``low`` <= 0 to ``high`` >= 0: zero must be an integer, for padding is made of it."""

    low: float
    high: float


@dataclass(frozen=True)
class Histogram:
    """How often each value of a tensor occurred, over all calibration images.

    Attributes:
        counts: float64 (BINS,).
        range: least and greatest value, zero included; the bins divide it evenly.
        reader: what the network does with the tensor next: the activation, if that is a table, else
            nothing.
    """

    counts: Tensor
    range: Range
    reader: Function

    @property
    def edges(self) -> Tensor:
        """Float64 (BINS + 1,)."""
        return torch.linspace(self.range.low, self.range.high, BINS + 1, dtype=torch.float64)


Method = Callable[[Histogram], Range]


def calibrate(
    folded: Folded, images: Tensor, method: Method, batch_size: int = 32
) -> dict[str, Range]:
    """Find the range of every tensor that has a scale in the integer graph.

    Runs the images twice, first for the extremes, then for histograms between them, so that no
    tensor is kept.

    Args:
        folded: the network.
        images: normalised images (N, 3, R, R) of the training set, none of validation or test.
        method: a histogram -> the range that int8 should span.
        batch_size: images at a time; memory grows with it.

    Raises:
        ConfigError: there is no image, or a tensor holds something that is not finite.
    """
    if not len(images):
        raise ConfigError(
            "calibration needs at least one image; raise the number of calibration images in "
            "conf/deploy/"
        )
    extremes: dict[str, Range] = {}
    counts: dict[str, Tensor] = {}

    def widen(name: str, tensor: Tensor) -> Tensor:
        low, high = extremes.get(name, Range(0.0, 0.0))
        least, greatest = (float(value) for value in tensor.aminmax())
        if not (isfinite(least) and isfinite(greatest)):
            raise ConfigError(
                f"tensor {name} spans {least} to {greatest} on the calibration images: train the "
                "network anew"
            )
        extremes[name] = Range(min(low, least), max(high, greatest))
        return tensor

    def count(name: str, tensor: Tensor) -> Tensor:
        low, high = extremes[name]
        if low < high:
            counts[name] = (
                counts.get(name, 0) + torch.histc(tensor.float(), BINS, low, high).double().cpu()
            )
        return tensor

    with torch.no_grad():
        for hook in (widen, count):
            for start in range(0, len(images), batch_size):
                folded(images[start : start + batch_size], hook)
    readers = _readers(folded)
    found = {
        name: method(Histogram(counts[name], extremes[name], readers[name])) for name in counts
    }
    return {name: found.get(name, extreme) for name, extreme in extremes.items()}


def minmax(histogram: Histogram) -> Range:
    """All that occurred: nothing is clipped, and a single outlier makes every step coarse."""
    return histogram.range


@dataclass(frozen=True)
class Percentile:
    """Clips the most extreme values, as many on either side.

    Attributes:
        percent: of the values that lie under ``high``, and above ``low``.
    """

    percent: float = 99.99

    def __post_init__(self) -> None:
        if not 50 < self.percent <= 100:
            raise ConfigError(
                f"percent={self.percent} of calibration: must lie above 50 and at most at 100 "
                "(conf/deploy/)"
            )

    def __call__(self, histogram: Histogram) -> Range:
        cumulative = histogram.counts.cumsum(0) / histogram.counts.sum()
        share = self.percent / 100
        first = int((cumulative <= 1 - share).sum())  # bins that lie wholly among the least values
        last = int((cumulative < share).sum())
        edges = histogram.edges
        return Range(min(float(edges[first]), 0.0), max(float(edges[last + 1]), 0.0))


@dataclass(frozen=True)
class MeanSquaredError:
    """The range whose int8 values are closest to the real ones, after the activation where a table
    reads them.

    So the flat part of an activation takes no levels: hard-swish is zero below -3, and LeakyReLU
    shrinks what is negative.

    Attributes:
        candidates: ends that are tried on either side, evenly from zero to the extreme.
        rounds: how often each side is searched while the other stands still.
    """

    candidates: int = 64
    rounds: int = 2

    def __call__(self, histogram: Histogram) -> Range:
        low, high = histogram.range
        shares = [number / self.candidates for number in range(1, self.candidates + 1)]
        for _ in range(self.rounds):
            high = min(
                (histogram.range.high * share for share in shares),
                key=lambda end: _error(histogram, Range(low, end)),
            )
            low = min(
                (histogram.range.low * share for share in shares),
                key=lambda end: _error(histogram, Range(end, high)),
            )
        return Range(low, high)


METHODS: dict[str, Method] = {
    "minmax": minmax,
    "percentile": Percentile(),
    "mse": MeanSquaredError(),
}


def _error(histogram: Histogram, span: Range) -> float:
    edges = histogram.edges
    values = (edges[1:] + edges[:-1]) / 2
    step = (span.high - span.low) / LEVELS
    integers = torch.round(values / step).clamp(round(span.low / step), round(span.high / step))
    return float(
        (
            histogram.counts
            * (histogram.reader(integers * step) - histogram.reader(values)).square()
        ).sum()
    )


def _readers(folded: Folded) -> dict[str, Function]:
    readers: dict[str, Function] = {"input": torch.nn.Identity()}
    for operator in folded.graph:
        readers[operator.name] = torch.nn.Identity()
        if operator.activation not in FUSED:
            readers[tensor_before_table(operator)] = ACTIVATIONS[operator.activation]()
    return readers
