"""The class silence: clips cut from background noise at any volume, as Speech Commands has it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lmanet.data.recording_folder import Piece, Recording
from lmanet.errors import ConfigError, DataError

SILENCE = "silence"
NOISE = "_background_noise_"  # of Speech Commands: long recordings without words
# Of seven pieces one tests and one validates, where the data say which sounds do.
OF_PART = {"test": 0, "val": 1}
EVERY = 7
GOLDEN = 0.618034  # its multiples spread evenly between 0 and 1


def require_silence(fraction: float, classes: Sequence[str]) -> None:
    """Raise `ConfigError` where no class silence can be made."""
    if not 0 <= fraction <= 1:
        raise ConfigError(
            f"silence_fraction={fraction} must lie between 0 and 1; correct data.silence_fraction"
        )
    if fraction and SILENCE in classes:
        raise ConfigError(
            f"silence_fraction={fraction} makes a class {SILENCE}, and there is a folder of that "
            "name; rename the folder, or set data.silence_fraction=0"
        )


def silent(
    part: str, count: int, noises: Mapping[Path, int], length: int, given: Sequence[str]
) -> list[Recording]:
    """Clips of noise, which have no label yet; pieces never overlap, and each is in one part.

    Args:
        part: ``train``, ``val`` or ``test``.
        count: of clips.
        noises: recording -> its samples.
        length: samples of a clip.
        given: parts that the data themselves name; of others ``train`` has all.

    Raises:
        DataError: there is too little noise.
    """
    pieces = [
        (path, start)
        for path, size in noises.items()
        for start in range(0, size - length + 1, length)
    ]
    of = {number: name for name, number in OF_PART.items() if name in given}
    mine = [piece for number, piece in enumerate(pieces) if of.get(number % EVERY, "train") == part]
    if not mine:
        raise DataError(
            f"{NOISE} has {len(pieces)} pieces as long as a clip, and the class {SILENCE} needs "
            f"{EVERY}; record more noise there, or set data.silence_fraction=0"
        )
    clips = []
    for number in range(count):
        path, start = mine[number % len(mine)]
        piece = Piece(start, number * GOLDEN % 1)
        clips.append(Recording(path, -1, f"{path.name} at {start}", piece))
    return clips
