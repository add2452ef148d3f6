"""What a front end takes of a board, known before anything is compiled."""

from typing import NamedTuple

from lmanet.sound.constants import tables_of
from lmanet.sound.front_end import FrontEnd

# Bounds, held by tests/deploy/write/test_sound.py: compiled for a Cortex-M4 and M7 by zig and gcc.
CODE_BYTES = 5120
STATE_BYTES = 64  # counters of the stream, and the gaps between its arrays
MOST_CLASSES = 64  # whose posteriors are kept
EXPONENTIAL_BYTES = 512


class SoundCost(NamedTuple):
    """What the front end takes beside the network.

    Attributes:
        ram_bytes: of all its variables.
        frame_instructions: for the features of one frame.
        flash_bytes: code and tables; 0 where it was not counted.
    """

    ram_bytes: int
    frame_instructions: int
    flash_bytes: int = 0


def estimate_sound(front_end: FrontEnd) -> SoundCost:
    """An upper bound of what a front end takes.

    Raises:
        ConfigError: a band has no bin.
    """
    tables, size = tables_of(front_end), front_end.fft_size
    ram = (
        2 * front_end.window_samples
        + 4 * (size + front_end.bands)
        + front_end.frames * front_end.columns
        + 2 * MOST_CLASSES * (front_end.smoothed_windows + 1)
        + STATE_BYTES
    )
    stages = (size // 2).bit_length() - 1
    instructions = (
        16 * size  # samples loaded, windowed and put in order
        + 14 * size * stages  # the transform: size / 4 butterflies a stage
        + 40 * size  # powers
        + 24 * len(tables.weights)
        + 120 * front_end.bands
        + front_end.num_coefficients * (12 * front_end.bands + 60)
    )
    flash = tables.size_bytes + EXPONENTIAL_BYTES + CODE_BYTES
    return SoundCost(ram, instructions, flash)
