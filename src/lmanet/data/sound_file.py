"""Sound of a file as mono samples of 16 bits at one rate."""

from math import gcd
from os import SEEK_CUR
from pathlib import Path
from struct import unpack

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import DataError

SUFFIXES = (".wav", ".flac")
MOST_SECONDS = 3600  # an hour of sound in memory; more is no clip
MOST_VALUES = 400_000_000  # of all channels: an hour of stereo at 48 kHz, 3 GB while it is read
RATES_HZ = (100, 1_000_000)  # the filter that resamples grows with the rate
UNKNOWN_BYTES = 0x7FFF0000  # from here on a program did not know how long the sound would be
FULL_SCALE = 2**15


def read_sound(path: Path, rate_hz: int) -> NDArray[np.int16]:
    """All samples of a file: the mean of its channels, resampled where its rate is another.

    Samples of 24 bits or floats are rounded to 16 bits; what is louder than full scale is clipped.

    Raises:
        DataError: the file is no sound, is empty, too long, or holds a value that is not finite.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            found_hz = file.samplerate
            if not RATES_HZ[0] <= found_hz <= RATES_HZ[1]:
                raise _refused(
                    path,
                    f"says that it has {found_hz:,} samples a second; {RATES_HZ[0]} to "
                    f"{RATES_HZ[1]:,} are legal: export it again",
                )
            if file.frames * file.channels > MOST_VALUES or file.frames > MOST_SECONDS * found_hz:
                raise _refused(
                    path,
                    f"lasts {file.frames / found_hz:.0f} s, with {file.channels} channels; cut it "
                    "into recordings",
                )
            if missing := _missing_bytes(path):
                raise _refused(path, f"ends {missing:,} bytes too early; copy the whole file again")
            channels = file.read(dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        why = getattr(error, "error_string", error)  # without the path, which stands before
        raise _refused(path, f"cannot be read ({why}); give whole WAV or FLAC files") from error
    if not len(channels):
        raise _refused(path, "has no samples; record it again or delete it")
    if not np.isfinite(channels).all():
        raise _refused(path, "holds a value that is not finite; export it again")
    samples = channels.mean(axis=1) * FULL_SCALE
    if found_hz != rate_hz:
        samples = _resampled(samples, found_hz, rate_hz)
    rounded: NDArray[np.int16] = np.clip(np.round(samples), -FULL_SCALE, FULL_SCALE - 1).astype(
        np.int16
    )
    return rounded


def fitted(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """Exactly ``length`` samples: the middle of a longer sound, silence around a shorter one."""
    spare = len(samples) - length
    if spare >= 0:
        return samples[spare // 2 : spare // 2 + length]
    before = -spare // 2
    return np.pad(samples, (before, -spare - before))


def _missing_bytes(path: Path) -> int:
    """How much of its sound a WAV has lost: what reads it would take the rest for all."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return 0
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = unpack("<4sI", head)
            if name == b"data":
                end = file.tell() + size
                return max(0, end - path.stat().st_size) if size < UNKNOWN_BYTES else 0
            file.seek(size + size % 2, SEEK_CUR)
    return 0


def _resampled(samples: NDArray[np.float64], found_hz: int, rate_hz: int) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    common = gcd(found_hz, rate_hz)
    made: NDArray[np.float64] = resample_poly(samples, rate_hz // common, found_hz // common)
    return made


def _refused(path: Path, why: str) -> DataError:
    return DataError(f"{path} {why}")
