"""Writes tests/sound/golden/librosa.npz: short clips, and what librosa makes of them.

librosa needs numba, which wants an older NumPy than lmanet has: run it where librosa is installed
alone, `pip install librosa==0.11.0`, then `python tests/scripts/librosa_reference.py`.
"""

from pathlib import Path

import librosa
import numpy as np

RATE, WINDOW, STEP, SIZE = 16000, 480, 320, 512
TARGET = Path(__file__).parents[1] / "sound" / "golden" / "librosa.npz"


def clips() -> np.ndarray:
    """int16 (4, 4000): noise, a chirp, a vowel of harmonics, and near silence."""
    rng = np.random.default_rng(0)
    time = np.arange(4000) / RATE
    vowel = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 30)) * 4000
    sounds = [
        rng.normal(0, 3000, 4000),
        9000 * np.sin(2 * np.pi * (300 + 9000 * time) * time),
        vowel * np.hanning(4000),
        rng.normal(0, 20, 4000),
    ]
    return np.round(np.clip(sounds, -32768, 32767)).astype(np.int16)


def decibels(clip: np.ndarray, mfcc: int = 0) -> np.ndarray:
    """(frames, bands): energy of each band in dB of full scale, or coefficients of those."""
    # librosa puts the window in the middle of the transform
    pad = (SIZE - WINDOW) // 2
    power = librosa.stft(
        np.pad(clip / 32768, (pad, pad)),
        n_fft=SIZE,
        hop_length=STEP,
        win_length=WINDOW,
        center=False,
    )
    filters = librosa.filters.mel(
        sr=RATE, n_fft=SIZE, n_mels=40, fmin=60, fmax=7600, htk=True, norm=None
    )
    energy = filters @ (np.abs(power) / SIZE) ** 2
    levels = np.maximum(10 * np.log10(np.maximum(energy, 1e-30)), -100)
    return (librosa.feature.mfcc(S=levels, n_mfcc=mfcc) if mfcc else levels).T


if __name__ == "__main__":
    made = clips()
    np.savez_compressed(
        TARGET,
        clips=made,
        log_mel=np.stack([decibels(clip) for clip in made]).astype(np.float32),
        mfcc=np.stack([decibels(clip, 10) for clip in made]).astype(np.float32),
    )
