"""The front end of audio in the firmware: its C as it is, and its constants."""

from pathlib import Path
from shutil import copyfile

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.write.stream import (
    CHANCE,
    c_array,
    chance,
    copy_sources,
    settings_header,
    write_smoothing,
)
from lmanet.errors import DeployError
from lmanet.sound import FrontEnd
from lmanet.sound.constants import Tables, floor_of, tables_of
from lmanet.sound.host import SOURCE

NAME = "network_sound"
CHECK_SHIFT = 18  # of the noise that checks: a quarter of full scale
README = "SOUND.md"


def write_sound(folder: Path, network: Path, front_end: FrontEnd, logit_scale: float) -> None:
    """Write the front end, the stream that feeds the network, and how to use both.

    Args:
        folder: of the firmware, for the instructions.
        network: folder of the network's C.
        logit_scale: what a step of an int8 logit is worth.

    Raises:
        DeployError: a hop is longer than a clip.
    """
    if front_end.hop_frames > front_end.frames:
        raise DeployError(
            f"hop_frames={front_end.hop_frames} is more than the {front_end.frames} frames of a "
            "clip: sound would be skipped; correct data.front_end.hop_frames"
        )
    for suffix in (".c", ".h"):
        copyfile(SOURCE.with_suffix(suffix), network / f"{SOURCE.stem}{suffix}")
    copy_sources(network, "lmanet_stream")
    write_smoothing(network, front_end.smoothed_windows, logit_scale)
    (network / f"{NAME}.h").write_text(_header(front_end), encoding="utf-8")
    (network / f"{NAME}.c").write_text(_source(front_end, tables_of(front_end)), encoding="utf-8")
    (folder / README).write_text(_instructions(front_end), encoding="utf-8")


def check_noise(samples: int) -> NDArray[np.int16]:
    """The noise of `sound_check`: int16 (samples,)."""
    return (chance(samples) >> CHECK_SHIFT).astype(np.int16) - np.int16(2 ** (31 - CHECK_SHIFT))


def sound_check(logits: NDArray[np.int8]) -> str:
    """Text of ``check.h`` for a network that listens: a noise, and its logits.

    Args:
        logits: of the first window of `check_noise`.
    """
    return f"""/* A noise from the state 1 on, sample by sample; the logits of its first window. */
#include <stdint.h>

static inline int16_t lmanet_check_sample(uint32_t *state) {{
    {CHANCE}
    return (int16_t)((int32_t)(*state >> {CHECK_SHIFT}) - {2 ** (31 - CHECK_SHIFT)});
}}

{c_array("lmanet_check_heard", logits, static=True)}"""


def _header(front_end: FrontEnd) -> str:
    values = {
        "SAMPLE_RATE_HZ": front_end.sample_rate_hz,
        "CLIP_SAMPLES": front_end.clip_samples,
        "HOP_SAMPLES": front_end.hop_frames * front_end.step_samples,
        "WINDOW_SAMPLES": front_end.window_samples,
        "STEP_SAMPLES": front_end.step_samples,
        "FFT_SIZE": front_end.fft_size,
        "BANDS": front_end.bands,
        "FRAMES": front_end.frames,
        "COLUMNS": front_end.columns,
        "HOP_FRAMES": front_end.hop_frames,
    }
    declared = "extern const lmanet_sound lmanet_sound_settings;"
    what = "What the network was trained to hear."
    return settings_header(what, NAME, values, declared, '"lmanet_sound.h"')


def _source(front_end: FrontEnd, tables: Tables) -> str:
    arrays = "\n".join(c_array(name, getattr(tables, name), static=True) for name in Tables._fields)
    numbers = (
        "LMANET_WINDOW_SAMPLES, LMANET_STEP_SAMPLES, LMANET_FFT_SIZE, LMANET_FRAMES, "
        f"LMANET_COLUMNS, LMANET_BANDS, {front_end.num_coefficients}, {floor_of(front_end)}"
    )
    return f"""#include "{NAME}.h"

{arrays}
const lmanet_sound lmanet_sound_settings = {{
    {numbers},
    {", ".join(Tables._fields)},
}};
"""


def _instructions(front_end: FrontEnd) -> str:
    hop = front_end.hop_frames * front_end.step_samples
    return f"""# Sound from a microphone

The network hears {front_end.clip_ms} ms of mono sound, {front_end.sample_rate_hz:,} samples a
second of 16 bits each. `network/lmanet_sound.c` makes features of it, by the same integers as in
training. `network/lmanet_stream.c` feeds the network.

```c
#include "lmanet_stream.h"
#include "network.h"
#include "network_sound.h"

/* whenever the microphone's buffer has some samples, at most {hop} at once */
if (lmanet_push_samples(samples, count)) {{
    const uint16_t *posteriors = lmanet_posteriors();
    int best = 0;
    for (int i = 1; i < LMANET_OUTPUT_BYTES; i++)
        if (posteriors[i] > posteriors[best]) best = i;
    if (posteriors[best] > 26214) /* 0.8 of 32768 */
        heard(lmanet_classes[best]);
}}
```

The first window is complete after {front_end.clip_samples:,} samples, and the next ones follow
every {hop:,}. Posteriors are averaged over {front_end.smoothed_windows} of them
(`data.front_end.smoothed_windows`). Call `lmanet_push_samples` in the main loop: it runs the
network. `lmanet_forget_sound` begins anew.
"""
