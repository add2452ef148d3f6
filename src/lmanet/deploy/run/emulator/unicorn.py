"""A Cortex-M inside this process, by the package unicorn."""

import importlib.util
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.board.cores import USUAL_CORE
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.emulator.machine import (
    BUSY,
    IMAGE_TIME_LIMIT_S,
    Emulator,
    EmulatorRun,
    checked_inputs,
)
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import ConfigError, ToolError


class UnicornEmulator(Emulator):
    """Calls the steps of the network one by one; start-up code and main do not run.

    Raises:
        ConfigError: the package is missing.
    """

    name = "unicorn"

    def __init__(self) -> None:
        if not importlib.util.find_spec("unicorn"):
            raise ConfigError(
                "emulator=unicorn needs the package unicorn: pip install 'lmanet[deploy]', or "
                "emulator=qemu (conf/deploy)"
            )

    def require(self) -> None:
        toolchain_named("zig")  # which compiles what counts the instructions

    def run(self, elf: Path, inputs: NDArray[np.int8], core: str = USUAL_CORE) -> EmulatorRun:
        from lmanet.deploy.run.emulator.core import EmulatedCore

        program = read_program(elf)
        inputs = checked_inputs(program, inputs)
        steps, output_bytes = program.word("lmanet_num_steps"), program.word("lmanet_output_bytes")
        machine = EmulatedCore(program, core)
        source, result = machine.call("lmanet_input"), machine.call("lmanet_output")
        deadline = time.monotonic() + IMAGE_TIME_LIMIT_S * len(inputs)
        outputs, counts = [], []
        for image in inputs:
            machine.write(source, image.tobytes())
            for step in range(steps):
                before = machine.instructions
                machine.call("lmanet_step", step)
                counts.append(machine.instructions - before)
                if time.monotonic() > deadline:
                    raise ToolError(
                        f"{elf} was stopped in step {step} after {IMAGE_TIME_LIMIT_S} s an image; "
                        f"{BUSY}"
                    )
            outputs.append(np.frombuffer(machine.read(result, output_bytes), np.int8))
        return EmulatorRun(
            np.stack(outputs), tuple(counts[:steps]), machine.stack_high_water_bytes()
        )
