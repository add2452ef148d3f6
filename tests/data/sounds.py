"""Small folders of sounds for tests."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
PITCHES = {"high": 2000, "low": 300}  # class -> Hz


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """A sine in a little noise, -1 to 1."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * hertz * time) + rng.normal(0, 0.01, len(time))


def sound_folder(root: Path, each: int = 20) -> Path:
    """Recordings ``anna_nohash_0.wav`` ... of four speakers in two classes."""
    for name, hertz in PITCHES.items():
        (root / name).mkdir(parents=True)
        for number in range(each):
            speaker = ("anna", "bert", "carl", "dora")[number % 4]
            made = tone(hertz * (1 + number / 100), 0.9, seed=number)
            soundfile.write(root / name / f"{speaker}_nohash_{number}.wav", made, RATE)
    return root
