"""Writes spoken words, for trying +experiment=keywords without a download: synthetic speech.

python benchmarks/speak.py FOLDER yes no stop go

Needs espeak-ng (apt-get install espeak-ng). A file is named as in Speech Commands,
<voice>_nohash_<number>.wav, so that a voice stays on one side of every split. What is learned from
it says little of human voices.
"""

import argparse
import itertools
import subprocess
from pathlib import Path

ACCENTS = ("en-us", "en-gb-scotland", "en-029", "en-gb-x-rp")  # of plain en-gb all voices are one
VOICES = ("m1", "m2", "m3", "m5", "f1", "f2", "f3", "f5")
SPEEDS = (130, 160, 190)  # words a minute
PITCHES = (35, 50, 65)  # 0 to 99


def speak(folder: Path, word: str) -> int:
    """One file for each voice, speed and pitch; gives their number."""
    place = folder / word
    place.mkdir(parents=True, exist_ok=True)
    settings = list(itertools.product(SPEEDS, PITCHES))
    for accent, voice in itertools.product(ACCENTS, VOICES):
        for number, (speed, pitch) in enumerate(settings):
            file = place / f"{accent}.{voice}_nohash_{number}.wav"
            how = ["-v", f"{accent}+{voice}", "-s", str(speed), "-p", str(pitch)]
            subprocess.run(["espeak-ng", *how, "-w", str(file), "--", word], check=True)
    return len(ACCENTS) * len(VOICES) * len(settings)


def main() -> None:
    """Speak each word that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("words", nargs="+")
    asked = parser.parse_args()
    for word in asked.words:
        print(f"{word}: {speak(asked.folder, word)} files")


if __name__ == "__main__":
    main()
