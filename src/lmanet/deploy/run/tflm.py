"""Runs a .tflite in TensorFlow Lite Micro on this machine: its outputs, and the arena that it
allocates.
"""

import importlib.util
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import ConfigError, DeployError, ToolError

HAS_TFLM = ("linux", "x86_64")  # as Python names them: the package exists for no other machine
# As in the script.
REFUSED = 3
_SCRIPT = Path(__file__).with_name("tflm_process.py")


class TflmError(DeployError):
    """TensorFlow Lite Micro refuses a model or its input."""


@dataclass(frozen=True, eq=False)
class TflmRun:
    """What one model did in TFLM with its reference kernels.

    Attributes:
        outputs: int8 (N, classes).
        measured_head_bytes: activations and scratch, planned by TFLM; the same on every processor.
        measured_tail_bytes: what TFLM allocates for good. Of this 64-bit machine: on a
            microcontroller, whose pointers are half as long, it is smaller (see
            `lmanet.cost.tflm.arena`).
    """

    outputs: NDArray[np.int8]
    measured_head_bytes: int
    measured_tail_bytes: int


def run_tflm(model: bytes, inputs: NDArray[np.int8], timeout_seconds: float = 600.0) -> TflmRun:
    """Run ``model`` on every image.

    TFLM reports its arena on stderr and may abort on a broken file. So it runs in a process of its
    own, which shares neither.

    Args:
        inputs: (N, height, width, channels), in the integers of the model's input; N may be 0 where
            only the arena is asked for.

    Raises:
        ConfigError: the package tflite-micro is missing.
        TflmError: TFLM refuses the model or the images; with TFLM's own words.
        ToolError: TFLM takes longer than ``timeout_seconds``.
    """
    require_tflm()
    with tempfile.TemporaryDirectory(prefix="lmanet-tflm-") as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        np.save(folder / "inputs.npy", inputs)
        said = _run(folder, timeout_seconds)
        outputs: NDArray[np.int8] = np.load(folder / "outputs.npy")
    return TflmRun(outputs, _allocated("head", said), _allocated("tail", said))


def require_tflm(system: str = sys.platform, machine: str = platform.machine()) -> None:
    """Raise `ConfigError` where the package tflite-micro is missing, or exists for other machines
    alone.
    """
    if (system, machine) != HAS_TFLM:
        raise ConfigError(
            "target.runtime=tflm is measured in TFLM, whose package tflite-micro exists for Linux "
            f"on x86-64 alone, not for {system} on {machine}; take target.runtime=c_static, or "
            "validate=limits, or such a machine"
        )
    if importlib.util.find_spec("tflite_micro") is None:
        raise ConfigError(
            "the package tflite-micro is missing, which runs .tflite files; run `pip install "
            "lmanet[deploy]`"
        )


def _run(folder: Path, timeout_seconds: float) -> str:
    """Run the script on the folder and return what it says on stderr."""
    # -P: this folder's modules are not to be found in place of others of the same name.
    command = [sys.executable, "-P", str(_SCRIPT), str(folder)]
    try:
        process = subprocess.run(command, capture_output=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"TFLM took longer than {timeout_seconds:.0f} s; run it on fewer images or raise "
            "timeout_seconds"
        ) from None
    said = process.stderr.decode(errors="replace")
    if process.returncode:
        words = (
            "; ".join(line.strip() for line in said.splitlines() if line.strip())[-500:]
            or "without a word"
        )
        if (
            process.returncode < 0 or process.returncode == REFUSED
        ):  # TFLM aborts on a model that it cannot read
            ended = f"signal {-process.returncode}: " if process.returncode < 0 else ""
            raise TflmError(
                f"TFLM refuses the model ({ended}{words}); it takes files of "
                "lmanet.deploy.write.tflite"
            )
        raise ToolError(
            f"TFLM's process failed with status {process.returncode}: {words}; install the package "
            "tflite-micro anew"
        )
    return said


def _allocated(section: str, said: str) -> int:
    found = re.search(rf"Arena allocation {section} (\d+) bytes", said)
    if not found:
        raise ToolError(
            f"TFLM did not report the {section} of its arena; install the version of tflite-micro "
            "that pyproject.toml names"
        )
    return int(found[1])
