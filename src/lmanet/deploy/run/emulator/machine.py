"""What every emulator takes and gives, and the memory of the board that they emulate."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmanet.board.cores import USUAL_CORE, core_named, cores
from lmanet.deploy.run.elf import Program
from lmanet.errors import ConfigError, DeployError

# As in c/emulated/mps2.ld.
FLASH_ADDRESS, FLASH_BYTES = 0x00000000, 4 << 20
RAM_ADDRESS, RAM_BYTES = 0x20000000, 4 << 20
# At 10^8 to 10^9 instructions a second; an inference of the largest network that fits 4 MB of flash
# takes some 10^9.
IMAGE_TIME_LIMIT_S = 60
BUSY = (
    "no network of this size takes as long on an idle machine; go on when it is less busy (resume=)"
)


@dataclass(frozen=True, eq=False)
class EmulatorRun:
    """What came of a program.

    Attributes:
        outputs: int8 (images, bytes of the logits).
        step_instructions: of each kernel call, for the first image.
        stack_high_water_bytes: most that any step had on the stack, over all images.
    """

    outputs: NDArray[np.int8]
    step_instructions: tuple[int, ...]
    stack_high_water_bytes: int

    @property
    def instructions(self) -> int:
        """Of one inference, all steps together."""
        return sum(self.step_instructions)


class Emulator(ABC):
    """Runs programs that `lmanet.deploy.run.toolchain` linked for the emulated board."""

    name: ClassVar[str]

    @abstractmethod
    def require(self) -> None:
        """Raise `ConfigError` where something that `run` needs is missing."""

    @abstractmethod
    def run(self, elf: Path, inputs: NDArray[np.int8], core: str = USUAL_CORE) -> EmulatorRun:
        """Run the network on each image.

        Args:
            elf: the program.
            inputs: (images, bytes), each image height x width x channels.
            core: that is emulated; the one that the program was compiled for.

        Raises:
            DeployError: the program fails, never ends, or takes other inputs.
            ToolError: it takes longer than `IMAGE_TIME_LIMIT_S` an image.
        """


def core_for(core: str, emulator: str) -> str:
    """The core that an emulator runs where one is asked for: that, or what stands in for it.

    Raises:
        ConfigError: the core is unknown.
    """
    known = core_named(core)
    if emulator not in known.emulators and known.stand_in:
        other = core_named(known.stand_in)
        return other.name if emulator in other.emulators else core
    return core


def model_of(core: str, emulator: str) -> str:
    """What an emulator calls a core.

    Raises:
        ConfigError: the core is unknown, to this emulator or at all.
    """
    known = core_named(core).emulators
    if emulator not in known:
        others = ", ".join(name for name, each in cores().items() if emulator in each.emulators)
        raise ConfigError(
            f"emulator={emulator} does not emulate core={core}; of this core legal are "
            f"{', '.join(known) or 'none'} (conf/deploy), of this emulator {others} (conf/target)"
        )
    return known[emulator]


def checked_inputs(program: Program, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """The images as the program reads them.

    Raises:
        DeployError: their size or type is not the program's, or there is none.
    """
    expected = program.word("lmanet_input_bytes")
    if (
        inputs.dtype != np.int8
        or inputs.ndim != 2
        or len(inputs) == 0
        or inputs.shape[1] != expected
    ):
        raise DeployError(
            f"inputs are {inputs.dtype} {inputs.shape}; the program takes int8 (images, "
            f"{expected}), at least one image"
        )
    return np.ascontiguousarray(inputs)
