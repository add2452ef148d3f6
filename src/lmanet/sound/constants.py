"""The constants of a front end, as the C reads them: the one place where they are computed."""

from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import ConfigError
from lmanet.sound.front_end import BANDS, FrontEnd

LOG_PARTS = 32
# A power of ours is 2^60 times the true one; 2^8 are dropped, and the weights have 2^12.
ENERGY_BITS = 60 - 8 + 12
BITS_PER_DB = log2(10) / 10


class Tables(NamedTuple):
    """Arrays of ``lmanet_sound``, in the order of its members.

    Attributes:
        window: of Hann, periodic.
        band_bins: of each band its first bin and how many it has.
        lowest, gain: of each column, what makes bytes of its values.
    """

    window: NDArray[np.int16]
    sine: NDArray[np.int32]
    band_bins: NDArray[np.int16]
    weights: NDArray[np.int16]
    logarithms: NDArray[np.int32]
    cosines: NDArray[np.int16]
    lowest: NDArray[np.int32]
    gain: NDArray[np.int32]

    @property
    def size_bytes(self) -> int:
        """Flash that they take."""
        return sum(table.nbytes for table in self)


def tables_of(front_end: FrontEnd) -> Tables:
    """The tables of a front end.

    Raises:
        ConfigError: a band is so narrow that no bin of the transform lies in it.
    """
    size, length = front_end.fft_size, front_end.window_samples
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    sine = np.sin(2 * np.pi * np.arange(3 * size // 4) / size)
    band_bins, weights = _filters(front_end)
    lowest, gain = _levels(front_end)
    return Tables(
        window=np.minimum(np.round(window * 2**15), 2**15 - 1).astype(np.int16),
        sine=np.round(sine * 2**30).astype(np.int32),
        band_bins=band_bins,
        weights=weights,
        logarithms=np.round(np.log2(1 + np.arange(LOG_PARTS + 1) / LOG_PARTS) * 2**16).astype(
            np.int32
        ),
        cosines=_cosines(front_end),
        lowest=lowest,
        gain=gain,
    )


def filters_of(front_end: FrontEnd) -> NDArray[np.float64]:
    """Weight of each bin in each band (bands, fft_size / 2): triangles of height 1."""
    edges = _hertz(
        np.linspace(_mel(front_end.low_hz), _mel(front_end.high_hz), front_end.bands + 2)
    )
    bins = np.arange(front_end.fft_size // 2) * front_end.sample_rate_hz / front_end.fft_size
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return np.maximum(0, np.minimum(rising, falling))


def _filters(front_end: FrontEnd) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    rows = np.round(filters_of(front_end) * 2**12).astype(np.int16)
    if empty := int((rows.max(axis=1) == 0).sum()):
        raise ConfigError(
            f"bands={front_end.bands}: {empty} of them are narrower than a bin of the transform of "
            f"{front_end.fft_size} samples; take fewer, a longer window_ms or a higher low_hz "
            "(data.front_end)"
        )
    places, weights = [], []
    for row in rows:
        used = np.flatnonzero(row)
        places += [used[0], used[-1] - used[0] + 1]
        weights.append(row[used[0] : used[-1] + 1])
    return np.array(places, np.int16), np.concatenate(weights)


def _cosines(front_end: FrontEnd) -> NDArray[np.int16]:
    """The orthonormal cosine transform of the second kind; a single number where there is none."""
    if front_end.kind == BANDS:
        return np.zeros(1, np.int16)
    bands, number = front_end.bands, np.arange(front_end.coefficients)[:, None]
    cosines = np.cos(np.pi * number * (np.arange(bands) + 0.5) / bands) * np.sqrt(2 / bands)
    cosines[0] /= np.sqrt(2)
    rounded: NDArray[np.int16] = np.minimum(np.round(cosines * 2**15), 2**15 - 1).astype(np.int16)
    return rounded


def floor_of(front_end: FrontEnd) -> int:
    """The logarithm of the floor's energy, in the units of the C."""
    return round((front_end.floor_db * BITS_PER_DB + ENERGY_BITS) * 2**16)


def _levels(front_end: FrontEnd) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where the bytes of each column begin, and how many there are for one unit.

    Coefficient 0 is the mean of the bands times the root of their number, and has their range. The
    others lie about 0; half the range of coefficient 0 is theirs.
    """
    low, high = front_end.floor_db, front_end.ceiling_db
    begin = np.full(front_end.columns, low)
    span = np.full(front_end.columns, high - low)
    shift = np.full(front_end.columns, float(ENERGY_BITS))
    if front_end.kind != BANDS:
        root = np.sqrt(front_end.bands)
        begin, span, shift = begin * root, span * root, shift * root
        begin[1:], span[1:], shift[1:] = -span[1:] / 4, span[1:] / 2, 0
    lowest = np.round((begin * BITS_PER_DB + shift) * 2**16)
    gain = np.round(255 / (span * BITS_PER_DB * 2**16) * 2**32)
    return lowest.astype(np.int32), gain.astype(np.int32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)
