"""Signals of a sensor in the firmware: values become bytes as in training, and bytes windows."""

from pathlib import Path

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
from lmanet.steps import Sensing

NAME = "network_moments"
README = "SIGNALS.md"
CHECK_SHIFT = 24  # of the numbers that check: a byte, as the network reads


def write_moments(folder: Path, network: Path, sensing: Sensing, logit_scale: float) -> None:
    """Write the stream that feeds the network, and how to use it.

    Args:
        folder: of the firmware, for the instructions.
        network: folder of the network's C.
        sensing: how windows are made.
        logit_scale: what a step of an int8 logit is worth.
    """
    copy_sources(network, "lmanet_moments")
    write_smoothing(network, sensing.smoothed_windows, logit_scale)
    values = {
        "CHANNELS": len(sensing.lowest),
        "MOMENTS": sensing.length,
        "HOP_MOMENTS": sensing.hop,
    }
    declared = (
        "/* byte = (value - lowest) * gain, rounded */\n"
        "extern const float lmanet_lowest[LMANET_CHANNELS], lmanet_gain[LMANET_CHANNELS];"
    )
    header = settings_header("What the network was trained to feel.", NAME, values, declared)
    (network / f"{NAME}.h").write_text(header, encoding="utf-8")
    arrays = (c_array("lmanet_lowest", sensing.lowest), c_array("lmanet_gain", sensing.gain))
    text = "\n".join((f'#include "{NAME}.h"\n', *arrays))
    (network / f"{NAME}.c").write_text(text, encoding="utf-8")
    (folder / README).write_text(_instructions(sensing), encoding="utf-8")


def check_moments(sensing: Sensing, count: int) -> NDArray[np.float32]:
    """The moments of `moments_check`, in a sensor's units: float32 (channels, count)."""
    channels = len(sensing.lowest)
    numbers = (chance(count * channels) >> CHECK_SHIFT).astype(np.float32)
    return sensing.lowest[:, None] + numbers.reshape(count, channels).T / sensing.gain[:, None]


def moments_check(logits: NDArray[np.int8]) -> str:
    """Text of ``check.h`` for a network that reads a sensor: moments by chance, and its logits.

    Args:
        logits: of the first window of `check_moments`.
    """
    return f"""/* Moments by chance from the state 1 on; the logits of their first window. */
#include "{NAME}.h"

static inline void lmanet_check_moment(uint32_t *state, float *values) {{
    for (int i = 0; i < LMANET_CHANNELS; i++) {{
        {CHANCE}
        values[i] = lmanet_lowest[i] + (float)(*state >> {CHECK_SHIFT}) / lmanet_gain[i];
    }}
}}

{c_array("lmanet_check_felt", logits, static=True)}"""


def _instructions(sensing: Sensing) -> str:
    channels = len(sensing.lowest)
    return f"""# Signals of a sensor

The network reads windows of {sensing.length:,} moments, each of {channels} values. Give them in the
order, in the units and at the rate of the recordings. `network/lmanet_moments.c` makes bytes of
them as the training did, and feeds the network.

```c
#include "lmanet_moments.h"
#include "network.h"
#include "network_moments.h"

/* whenever the sensor has some moments, at most {sensing.hop} at once */
if (lmanet_push_moments(values, count)) {{
    const uint16_t *posteriors = lmanet_posteriors();
    int best = 0;
    for (int i = 1; i < LMANET_OUTPUT_BYTES; i++)
        if (posteriors[i] > posteriors[best]) best = i;
    if (posteriors[best] > 26214) /* 0.8 of 32768 */
        felt(lmanet_classes[best]);
}}
```

`values` are floats, {channels} a moment. The first window is complete after {sensing.length:,}
moments, and the next ones follow every {sensing.hop:,} (`data.windows.hop`). Posteriors are
averaged over {sensing.smoothed_windows} of them (`data.windows.smoothed_windows`). Call
`lmanet_push_moments` in the main loop: it runs the network. `lmanet_forget_moments` begins anew.
"""
