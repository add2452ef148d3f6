"""Sounds of every form that a user may bring."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lmanet.data import sound_file
from lmanet.data.sound_file import fitted, read_sound
from lmanet.errors import DataError

sys.path.insert(0, str(Path(__file__).parent))
from sounds import tone

RATE = 16000


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_samples_of_16_bits_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 500).astype(np.int16)
    soundfile.write(tmp_path / name, samples, RATE, subtype="PCM_16")
    assert np.array_equal(read_sound(tmp_path / name, RATE), samples)


def test_samples_of_8_bits_are_read_about_zero(tmp_path: Path) -> None:
    sound = tone(440, 0.1)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="PCM_U8")
    got = read_sound(tmp_path / "a.wav", RATE)
    assert np.abs(got - sound * 32768).max() <= 257


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_samples_of_more_bits_are_rounded_to_16(tmp_path: Path, subtype: str) -> None:
    sound = tone(440, 0.1)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype=subtype)
    assert np.abs(read_sound(tmp_path / "a.wav", RATE) - sound * 32768).max() <= 0.51


def test_a_stereo_file_becomes_the_mean_of_its_channels(tmp_path: Path) -> None:
    both = np.stack((np.full(100, 0.5), np.full(100, -0.25)), axis=1)
    soundfile.write(tmp_path / "a.wav", both, RATE)
    assert set(read_sound(tmp_path / "a.wav", RATE).tolist()) == {4096}


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_file_of_another_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1000, 0.5, rate), rate)
    got = read_sound(tmp_path / "a.wav", RATE)
    assert len(got) == 8000
    spectrum = np.abs(np.fft.rfft(got[1000:7000] * np.hanning(6000)))
    assert abs(spectrum.argmax() * RATE / 6000 - 1000) < 3
    assert abs(np.abs(got[1000:7000]).max() / 32768 - 0.3) < 0.08


def test_what_is_louder_than_full_scale_is_clipped_and_does_not_wrap(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([1.5, -1.5]), RATE, subtype="FLOAT")
    assert read_sound(tmp_path / "a.wav", RATE).tolist() == [32767, -32768]


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    with pytest.raises(DataError, match=r"a\.wav has no samples"):
        read_sound(tmp_path / "a.wav", RATE)


def test_a_value_that_is_not_finite_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, np.nan]), RATE, subtype="FLOAT")
    with pytest.raises(DataError, match=r"a\.wav holds a value that is not finite"):
        read_sound(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_file_that_was_cut_off_is_named_and_not_filled_with_silence(
    tmp_path: Path, subtype: str
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 0.1), RATE, subtype=subtype)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:-1000])
    with pytest.raises(DataError, match=r"a\.wav ends 1,000 bytes too early"):
        read_sound(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 0x7FFFF000])
def test_a_file_of_a_program_that_did_not_know_the_length_is_read(
    tmp_path: Path, promised: int
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 0.1), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[40:44] = promised.to_bytes(4, "little")  # of the samples
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_sound(tmp_path / "a.wav", RATE)) == RATE // 10


@pytest.mark.parametrize("rate", [1, 4_000_000])
def test_a_rate_that_no_sound_has_is_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(9), rate)
    with pytest.raises(DataError, match=rf"a\.wav says that it has {rate:,} samples a second"):
        read_sound(tmp_path / "a.wav", RATE)


def test_a_small_file_of_hours_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros((30_000, 8)), RATE)
    monkeypatch.setattr(sound_file, "MOST_VALUES", 200_000)
    with pytest.raises(DataError, match=r"a\.flac lasts 2 s, with 8 channels; cut it"):
        read_sound(tmp_path / "a.flac", RATE)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 20])
def test_a_file_that_is_no_sound_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'a.wav'} cannot be read")):
        read_sound(tmp_path / "a.wav", RATE)


def test_a_longer_sound_is_cut_and_a_shorter_one_padded_about_its_middle() -> None:
    samples = np.arange(1, 6, dtype=np.int16)
    assert fitted(samples, 3).tolist() == [2, 3, 4]
    assert fitted(samples, 8).tolist() == [0, 1, 2, 3, 4, 5, 0, 0]
    assert fitted(samples, 5).tolist() == [1, 2, 3, 4, 5]
