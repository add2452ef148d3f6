"""A Cortex-M by qemu-system-arm, in a process of its own: the whole program runs, and its files
carry images and figures.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.board.cores import USUAL_CORE
from lmanet.deploy.run.elf import Program, read_program
from lmanet.deploy.run.emulator.machine import (
    BUSY,
    IMAGE_TIME_LIMIT_S,
    Emulator,
    EmulatorRun,
    checked_inputs,
    model_of,
)
from lmanet.errors import ConfigError, DeployError, ToolError

QEMU = "qemu-system-arm"
ALONE = ("-display", "none", "-monitor", "none", "-serial", "none")
# Under -icount shift=0 an instruction takes 1 ns, and the timer of an mps2 runs at 25 MHz.
COUNTING = ("-icount", "shift=0", "-semihosting-config", "enable=on,target=native")
INSTRUCTIONS_PER_TICK = 40
# Machine -> the same, where its timer runs at another clock: 32 MHz.
OTHER_TIMERS = {"mps3-an547": 31.25}
FAULT_STATUS = 3


class QemuEmulator(Emulator):
    """Runs the program from its reset on; instructions of a step are known to 40.

    Raises:
        ConfigError: qemu-system-arm is not installed.
    """

    name = "qemu"

    def __init__(self) -> None:
        self.require()

    def require(self) -> None:
        if not shutil.which(QEMU):
            raise ConfigError(
                f"emulator=qemu needs {QEMU}: apt-get install {QEMU}, or emulator=unicorn "
                "(conf/deploy)"
            )

    def run(self, elf: Path, inputs: NDArray[np.int8], core: str = USUAL_CORE) -> EmulatorRun:
        board = model_of(core, self.name)
        program = read_program(elf)
        inputs = checked_inputs(program, inputs)
        with tempfile.TemporaryDirectory(prefix="lmanet-") as name:
            folder = Path(name)
            (folder / "input.bin").write_bytes(inputs.tobytes())
            command = [QEMU, "-M", board, *ALONE, *COUNTING, "-kernel", str(elf.resolve())]
            _run(command, folder, IMAGE_TIME_LIMIT_S * len(inputs))
            per_tick = OTHER_TIMERS.get(board, INSTRUCTIONS_PER_TICK)
            return _result(program, folder, len(inputs), per_tick)


def _run(command: list[str], folder: Path, time_limit_s: int) -> None:
    elf = command[-1]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=time_limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{elf} was stopped after {time_limit_s} s in {QEMU}; {BUSY}") from error
    if done.returncode == FAULT_STATUS:
        pc, address = np.fromfile(folder / "fault.bin", "<u4")
        raise DeployError(
            f"{elf} failed at pc={pc:#x}, at the address {address:#x}: a bus or usage fault"
        )
    if done.returncode:
        raise DeployError(
            f"{QEMU} ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
        )


def _result(program: Program, folder: Path, images: int, per_tick: float) -> EmulatorRun:
    outputs = np.fromfile(folder / "output.bin", np.int8)
    counts = np.fromfile(folder / "counts.bin", "<u4")
    if outputs.size != images * program.word(
        "lmanet_output_bytes"
    ) or counts.size != 1 + program.word("lmanet_num_steps"):
        raise DeployError(
            f"the program wrote {outputs.size} bytes of logits for {images} images and "
            f"{counts.size} counts; it is not whole"
        )
    stack, *ticks = counts.tolist()
    return EmulatorRun(
        outputs.reshape(images, -1), tuple(round(tick * per_tick) for tick in ticks), stack
    )
