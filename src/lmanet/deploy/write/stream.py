"""What both streams of a firmware share: windows to posteriors, and constants as C."""

from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.run.toolchain import SUPPORT

STREAM = SUPPORT / "stream"
NAME = "network_stream"
PER_LINE = 16
FULL = 2**15  # of a probability
# C that a board checks itself by: the next number by chance (Numerical Recipes' generator).
CHANCE = "*state = 1664525u * *state + 1013904223u;"
TYPES = {
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint16": "uint16_t",
    "float32": "float",
}


def write_smoothing(network: Path, smoothed_windows: int, logit_scale: float) -> None:
    """Write what averages the posteriors of windows.

    Args:
        network: folder of the network's C.
        smoothed_windows: over how many.
        logit_scale: what a step of an int8 logit is worth.
    """
    copy_sources(network, "lmanet_smooth")
    table = np.round(FULL * np.exp(-np.arange(256) * logit_scale)).astype(np.uint16)
    declared = "extern const uint16_t lmanet_exponentials[256]; /* Q15, e^-x of two logits */"
    values = {"SMOOTHED_WINDOWS": smoothed_windows}
    header = settings_header("How windows are averaged.", NAME, values, declared)
    (network / f"{NAME}.h").write_text(header, encoding="utf-8")
    text = f'#include "{NAME}.h"\n\n{c_array("lmanet_exponentials", table)}'
    (network / f"{NAME}.c").write_text(text, encoding="utf-8")


def chance(count: int) -> NDArray[np.uint32]:
    """What `CHANCE` makes of the state 1, uint32 (count,)."""
    state, made = 1, np.empty(count, np.uint32)
    for place in range(count):
        made[place] = state = (1664525 * state + 1013904223) % 2**32
    return made


def copy_sources(network: Path, name: str) -> None:
    """Copy a source of ours and its header as they are."""
    for suffix in (".c", ".h"):
        copyfile(STREAM / f"{name}{suffix}", network / f"{name}{suffix}")


def settings_header(
    what: str, name: str, values: Mapping[str, int], declared: str, includes: str = "<stdint.h>"
) -> str:
    """A header of constants.

    Args:
        what: they are, in a sentence.
        name: of the file, without its ending.
        values: name -> number; each name gets ``LMANET_`` before it.
        declared: what follows.
        includes: what it includes.
    """
    guard = f"LMANET_{name.upper()}_H"
    defines = "\n".join(f"#define LMANET_{key} {value}" for key, value in values.items())
    return f"""/* {what} */
#ifndef {guard}
#define {guard}

#include {includes}

{defines}

#ifdef __cplusplus
extern "C" {{
#endif

{declared}

#ifdef __cplusplus
}}
#endif

#endif
"""


def c_array(name: str, values: NDArray[np.generic], static: bool = False) -> str:
    """An array of constants; floats keep every bit."""
    flat = values.ravel().tolist()
    numbers = [f"{value.hex()}f" if isinstance(value, float) else str(value) for value in flat]
    rows = "\n".join(
        "    " + ", ".join(numbers[i : i + PER_LINE]) + ","
        for i in range(0, len(numbers), PER_LINE)
    )
    before = "static const" if static else "const"
    kind = TYPES[values.dtype.name]
    return f"{before} {kind} {name}[{len(numbers)}] = {{\n{rows}\n}};\n"
