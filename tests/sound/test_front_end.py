"""Features of sound against librosa, and settings that make no sense."""

from pathlib import Path

import numpy as np
import pytest

from lmanet.errors import ConfigError, DataError
from lmanet.sound import FrontEnd
from lmanet.sound.constants import tables_of
from lmanet.sound.host import HostFrontEnd

GOLDEN = Path(__file__).parent / "golden" / "librosa.npz"  # of tests/scripts/librosa_reference.py
SHORT = 250  # ms, of the clips in it
# Rounding to a byte is half of one; the rest is the C's integers.
MOST_BYTES_OFF = 0.6


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def test_log_mel_features_are_librosas_within_a_byte(golden: dict[str, np.ndarray]) -> None:
    front_end = FrontEnd(clip_ms=SHORT)
    got = HostFrontEnd(front_end).features(golden["clips"])
    wanted = (golden["log_mel"] + 100) / 85 * 255
    assert got.shape == wanted.shape == (4, 12, 40)
    assert np.abs(got - np.clip(wanted, 0, 255)).max() < MOST_BYTES_OFF
    assert got.std() > 40  # not all alike


def test_cepstral_coefficients_are_librosas_within_a_byte(golden: dict[str, np.ndarray]) -> None:
    front_end = FrontEnd(clip_ms=SHORT, kind="mfcc")
    got = HostFrontEnd(front_end).features(golden["clips"])
    span = 85 * np.sqrt(40)
    wanted = (golden["mfcc"] + span / 4) / (span / 2) * 255
    wanted[..., 0] = (golden["mfcc"][..., 0] + 100 * np.sqrt(40)) / span * 255
    assert got.shape == wanted.shape == (4, 12, 10)
    assert np.abs(got - np.clip(wanted, 0, 255)).max() < MOST_BYTES_OFF


@pytest.mark.parametrize("sample", [-32768, 32767])
def test_the_loudest_sound_overflows_nowhere(sample: int) -> None:
    """Square waves of full scale, at a rate that puts all of their power into one band."""
    clip = np.full(4000, sample, np.int16)
    clip[np.arange(4000) // 8 % 2 == 1] = -1 - sample
    got = HostFrontEnd(FrontEnd(clip_ms=SHORT)).features(clip[None])[0]
    edges = np.fft.rfft(clip[:480] / 32768 * np.hanning(480), 512)
    loudest = np.abs(edges).argmax() * 16000 / 512
    assert abs(loudest - 1000) < 32
    assert got.max() == 255 and got[:, 0].max() < 200


def test_silence_is_byte_0_everywhere() -> None:
    assert not HostFrontEnd(FrontEnd()).features(np.zeros((1, 16000), np.int16)).any()


def test_a_clip_of_a_second_has_the_shape_that_mlperf_tiny_uses() -> None:
    front_end = FrontEnd(kind="mfcc")
    assert (front_end.frames, front_end.columns) == (49, 10)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kind": "wavelet"}, "log_mel and mfcc"),
        ({"high_hz": 9000}, "half the sample rate, 8000"),
        ({"window_ms": 2000}, "clip_ms=1000"),
        ({"step_ms": 40}, "window_ms=30"),
        ({"floor_db": -10}, "ceiling_db"),
        ({"kind": "mfcc", "coefficients": 60}, "bands=40"),
        ({"bands": 0}, "bands=0"),
        ({"window_ms": 0.2, "step_ms": 0.2}, "window_ms"),
    ],
)
def test_a_front_end_that_makes_no_sense_is_refused(
    settings: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        FrontEnd(**settings)  # type: ignore[arg-type]


def test_a_band_without_a_bin_is_refused() -> None:
    with pytest.raises(ConfigError, match="narrower than a bin"):
        tables_of(FrontEnd(bands=200))


def test_clips_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="16000"):
        HostFrontEnd(FrontEnd()).features(np.zeros((2, 15999), np.int16))
