"""Recordings of sensors -> windows of one length, and their values -> bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lmanet.data.groups import GroupedImages, numbered, require_memory
from lmanet.data.signal_file import Series
from lmanet.errors import ConfigError, DataError
from lmanet.network.images import Scaling
from lmanet.steps import Sensing

LEAST_SPAN = 1e-6  # of a channel that never changes
MOST_SMOOTHED = 1000


class Labelled(NamedTuple):
    """A recording.

    Attributes:
        series: float32 (channels, time).
        label: position of its class.
        group: of whoever was recorded, or its own.
        where: it stands, for messages.
    """

    series: Series
    label: int
    group: str
    where: str


@dataclass(frozen=True)
class Windows:
    """How recordings are cut.

    Attributes:
        length: moments in a window.
        stride: moments from the start of one window to that of the next; of what is left at the
            end of a recording there is no window.
        pad: whether a recording that is shorter than a window is filled up with its last values.
            Otherwise it is an error.
        limits: of each channel its lowest and its highest value, which become byte 0 and 255. None
            takes those of the training recordings.
        hop: on the board, moments from one classified window to the next; None is the stride, or
            the length where that is less.
        smoothed_windows: on the board, windows whose posteriors are averaged; 1 is no smoothing.
        max_memory_bytes: most that the windows of a part may take while they are made.
    """

    length: int = 100
    stride: int = 50
    pad: bool = False
    limits: Sequence[Sequence[float]] | None = None
    hop: int | None = None
    smoothed_windows: int = 1
    max_memory_bytes: int = 8_000_000_000

    def __post_init__(self) -> None:
        whole = ("length", "stride", "smoothed_windows", *([] if self.hop is None else ["hop"]))
        for name in whole:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(
                    f"{name}={value!r} is no whole number from 1 on; correct data.windows.{name}"
                )
        if self.hop is not None and self.hop > self.length:
            raise ConfigError(
                f"hop={self.hop} is more than the length={self.length} of a window: moments would "
                "be skipped; correct data.windows.hop"
            )
        if self.smoothed_windows > MOST_SMOOTHED:
            raise ConfigError(
                f"smoothed_windows={self.smoothed_windows} is more than {MOST_SMOOTHED}, and the "
                "board keeps all of them; correct data.windows.smoothed_windows"
            )
        for pair in self.limits or ():
            if not _is_span(pair):
                raise ConfigError(
                    f"limits has {pair!r}, and must have a lowest and a higher value for each "
                    "channel; correct data.windows.limits"
                )

    def count(self, recording: Labelled) -> int:
        """Windows of a recording."""
        moments: int = recording.series.shape[1]
        return 1 + max(0, moments - self.length) // self.stride

    def cut(self, recording: Labelled) -> NDArray[np.float32]:
        """Windows (N, channels, length) of a recording.

        Raises:
            DataError: it is shorter than a window.
        """
        series = recording.series
        missing = self.length - series.shape[1]
        if missing > 0:
            if not self.pad:
                raise DataError(
                    f"{recording.where} has {series.shape[1]} moments of {len(series)} channels, "
                    f"and a window {self.length}; shorten data.windows.length, or set "
                    "data.windows.pad=true"
                )
            series = np.pad(series, ((0, 0), (0, missing)), mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(series, self.length, axis=1)
        return np.ascontiguousarray(views[:, :: self.stride].transpose(1, 0, 2))


def scaling_of(recordings: Sequence[Labelled], windows: Windows) -> Scaling:
    """By the limits that are set, or by those of the recordings.

    Raises:
        ConfigError: there are limits of another number of channels.
        DataError: a recording has other channels than the rest.
    """
    channels = len(recordings[0].series)
    _require_channels(recordings, channels)
    if windows.limits is not None:
        if len(windows.limits) != channels:
            raise ConfigError(
                f"limits of {len(windows.limits)} channels are set, and the recordings have "
                f"{channels}; correct data.windows.limits"
            )
        low, high = np.array(windows.limits, np.float64).T
    else:
        low = np.min([each.series.min(axis=1) for each in recordings], axis=0).astype(np.float64)
        high = np.max([each.series.max(axis=1) for each in recordings], axis=0)
    span = np.maximum(high - low, LEAST_SPAN)
    return Scaling(low.astype(np.float32), (255 / span).astype(np.float32))


def still_channels(scaling: Scaling) -> list[int]:
    """Channels that never change in the recordings that their scaling was made of."""
    return np.flatnonzero(scaling.gain >= np.float32(255 / LEAST_SPAN)).tolist()


def sensing_of(windows: Windows, scaling: Scaling) -> Sensing:
    """The same windows and bytes, for a firmware."""
    hop = windows.hop or min(windows.stride, windows.length)
    return Sensing(*scaling, windows.length, hop, windows.smoothed_windows)


def windowed(recordings: Sequence[Labelled], windows: Windows, scaling: Scaling) -> GroupedImages:
    """The windows of recordings as images (channels, 1, length).

    Raises:
        DataError: a recording has other channels than the rest, or is too short.
    """
    _require_channels(recordings, len(scaling.lowest))
    count = sum(map(windows.count, recordings))
    require_memory(
        # a float of each value, twice while they are joined, and a byte
        9 * count * len(scaling.lowest) * windows.length,
        windows.max_memory_bytes,
        f"{count:,} windows of {windows.length} moments",
        "raise data.windows.stride or data.windows.max_memory_bytes",
    )
    cut = [windows.cut(each) for each in recordings]
    counts = [len(part) for part in cut]
    images = scaling.bytes_of(np.concatenate(cut))[:, :, None]
    labels = np.repeat([each.label for each in recordings], counts)
    groups = np.repeat(numbered([each.group for each in recordings]).numpy(), counts)
    return GroupedImages(
        torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(groups)
    )


def _is_span(pair: Any) -> bool:
    try:
        low, high = map(float, pair)
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite((low, high)).all()) and low < high


def _require_channels(recordings: Sequence[Labelled], channels: int) -> None:
    for each in recordings:
        if len(each.series) != channels:
            raise DataError(
                f"{each.where} has {len(each.series)} channels and the first recording has "
                f"{channels}; all need the same (data.columns names those of a CSV)"
            )
