"""Features of clips on the emulated core against those that training sees, to the bit.

python tests/scripts/check_sound.py [--clips 100] [--folder SOUNDS]

Without a folder the clips are synthetic. Prints the instructions of a frame on each core.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from lmanet.data.sound_file import SUFFIXES, fitted, read_sound
from lmanet.deploy.run.stream import EmulatedStream
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.sound import write_sound
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.sound.host import HostFrontEnd

# What the stream needs of a network; none runs here.
HEADER = """#include <stdint.h>
#define LMANET_INPUT_BYTES {bytes}
#define LMANET_OUTPUT_BYTES 1
extern const int8_t lmanet_input_table[1][256];
int8_t *lmanet_input(void);
const int8_t *lmanet_output(void);
void lmanet_run(void);
"""
SOURCE = """#include "network.h"
const int8_t lmanet_input_table[1][256];
const int lmanet_input_bytes, lmanet_output_bytes = 1, lmanet_arena_bytes, lmanet_num_steps;
static int8_t input[LMANET_INPUT_BYTES];
int8_t *lmanet_input(void) { return input; }
const int8_t *lmanet_output(void) { return input; }
void lmanet_run(void) {}
"""


def synthetic(count: int, length: int) -> np.ndarray:
    """int16 (count, length): a tone that rises, in noise; each of another loudness."""
    made = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        time = np.arange(length) / 16000
        tone = np.sin(2 * np.pi * (rng.uniform(100, 2000) + rng.uniform(0, 3000) * time) * time)
        sound = 10 ** rng.uniform(0, 4.5) * tone + rng.normal(0, 10 ** rng.uniform(0, 3), length)
        made.append(np.clip(np.round(sound), -32768, 32767))
    return np.array(made).astype(np.int16)


def recorded(folder: Path, count: int, front_end: FrontEnd) -> np.ndarray:
    """int16 (count, length): files of a folder, evenly spaced."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = paths[:: max(1, len(paths) // count)][:count]
    rate = front_end.sample_rate_hz
    return np.stack([fitted(read_sound(path, rate), front_end.clip_samples) for path in chosen])


def check(front_end: FrontEnd, clips: np.ndarray) -> None:
    """Compare, and print what it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bytes_ = front_end.frames * front_end.columns
        (folder / "network.h").write_text(HEADER.format(bytes=bytes_))
        (folder / "network.c").write_text(SOURCE)
        write_sound(folder, folder, front_end, 0.1)
        for core in ("cortex-m4", "cortex-m7"):
            stream = EmulatedStream(folder, front_end, toolchain_named("zig"), core)
            wanted = HostFrontEnd(front_end).features(clips)
            different = sum(
                not np.array_equal(stream.features(clip), features)
                for clip, features in zip(clips, wanted, strict=True)
            )
            cost = stream.cost(bytes_)
            print(
                f"{front_end.kind} on {core}: {len(clips)} clips, {different} differ; a frame "
                f"takes {cost.frame_instructions:,} instructions (estimated at most "
                f"{estimate_sound(front_end).frame_instructions:,}), {cost.ram_bytes:,} B of RAM"
            )


def main() -> None:
    """Both kinds of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    for kind in ("log_mel", "mfcc"):
        front_end = FrontEnd(kind=kind)
        length = front_end.clip_samples
        if asked.folder:
            clips = recorded(asked.folder, asked.clips, front_end)
        else:
            clips = synthetic(asked.clips, length)
        check(front_end, clips)


if __name__ == "__main__":
    main()
