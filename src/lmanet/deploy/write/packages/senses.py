"""What a library's network reads, and what its files say and hold of that."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.network.operators import Shape
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.steps import Sensing

TEMPLATES = SUPPORT / "packages"
COMMON = TEMPLATES / "common"
STREAM = TEMPLATES / "stream"  # of a network that reads windows of what comes over time
Stream = FrontEnd | Sensing
STATE_BYTES = 64  # counters of a stream, and the gaps between its arrays


class Sense(NamedTuple):
    """What a network reads.

    Attributes:
        word: for it: image, signal or sound.
        headers: of the network's C that a user needs, beside those of every network.
        folders: of templates; of two files of one name the first folder has the one to take.
        values: of names in these templates.
    """

    word: str
    headers: tuple[str, ...] = ()
    folders: tuple[Path, ...] = (COMMON,)
    values: Mapping[str, str] = {}


def sense_of(shape: Shape, classes: int, stream: Stream | None) -> Sense:
    """What a network reads.

    Args:
        shape: channels, height and width of its input.
        classes: their number.
        stream: what makes its input of samples or of a sensor's values; None is nothing.
    """
    if isinstance(stream, FrontEnd):
        return _sound(stream)
    if stream:
        return _signals(stream, classes)
    channels, height, width = shape
    if channels in (1, 3) and min(height, width) > 1:
        return Sense("image", ("camera",))
    return Sense("signal")


def _sound(front_end: FrontEnd) -> Sense:
    values = {
        "RATE": f"{front_end.sample_rate_hz:,}",
        "CLIP_MS": str(front_end.clip_ms),
        "HOP": f"{front_end.hop_frames * front_end.step_samples:,}",
        "SOUND_BYTES": f"{estimate_sound(front_end).ram_bytes:,}",
        "SMOOTHED": str(front_end.smoothed_windows),
    }
    folders = (TEMPLATES / "sound", STREAM, COMMON)
    return Sense("sound", ("stream", "network_sound"), folders, values)


def _signals(sensing: Sensing, classes: int) -> Sense:
    channels = len(sensing.lowest)
    posteriors = 2 * classes * (sensing.smoothed_windows + 1)
    values = {
        "CHANNELS": str(channels),
        "MOMENTS": f"{sensing.length:,}",
        "HOP": f"{sensing.hop:,}",
        "WINDOW_BYTES": f"{channels * sensing.length + posteriors + STATE_BYTES:,}",
        "SMOOTHED": str(sensing.smoothed_windows),
    }
    folders = (TEMPLATES / "signal", STREAM, COMMON)
    return Sense("signal", ("moments", "network_moments"), folders, values)
