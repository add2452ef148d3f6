"""The front end and the stream of a firmware on an emulated core: what it hears, and what that
takes.
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.board.cores import USUAL_CORE
from lmanet.deploy.run.elf import program_sizes, read_program
from lmanet.deploy.run.emulator.core import EmulatedCore
from lmanet.deploy.run.emulator.machine import RAM_ADDRESS, RAM_BYTES
from lmanet.deploy.run.toolchain import LINKER_SCRIPT, SUPPORT, Toolchain
from lmanet.sound import FrontEnd
from lmanet.sound.cost import SoundCost

SOURCES = (
    SUPPORT / "startup.c",
    SUPPORT / "memory.c",
    SUPPORT / "emulated" / "stream.c",
)
# Samples and features lie in the upper half of the memory, far below the stack.
SAMPLES = RAM_ADDRESS + RAM_BYTES // 2
FEATURES = SAMPLES + RAM_BYTES // 8
WORK = FEATURES + RAM_BYTES // 8


class EmulatedStream:
    """A firmware's network with its ears, on a core of the package unicorn.

    Args:
        network: folder of the network's C, with what `write_sound` adds to it.
        front_end: that it was written for.
        toolchain: that compiles.
        core: a name in `lmanet.board.cores`.

    Raises:
        DeployError: the compiler refuses the program.
    """

    def __init__(
        self,
        network: Path,
        front_end: FrontEnd,
        toolchain: Toolchain,
        core: str = USUAL_CORE,
    ) -> None:
        self.front_end = front_end
        sources = [each for each in sorted(network.glob("*.c")) if each.stem != "camera"]
        with tempfile.TemporaryDirectory(prefix="lmanet-") as scratch:
            elf = toolchain.link(
                [*sources, *SOURCES], core, LINKER_SCRIPT, Path(scratch) / "stream.elf"
            )
            self._program = read_program(elf)
            self._sizes = program_sizes(elf)
        self._core = EmulatedCore(self._program, core)

    def features(self, clip: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Bytes (frames, columns) of a clip (samples,)."""
        self._core.write(SAMPLES, clip.astype("<i2").tobytes())
        settings = self._program.symbol("lmanet_sound_settings")
        self._core.call("lmanet_sound_clip", settings, SAMPLES, WORK, FEATURES)
        shape = (self.front_end.frames, self.front_end.columns)
        content = self._core.read(FEATURES, shape[0] * shape[1])
        return np.frombuffer(content, np.uint8).reshape(shape)

    def push(self, samples: NDArray[np.int16]) -> int:
        """Push samples in one call; gives how many windows they completed."""
        self._core.write(SAMPLES, samples.astype("<i2").tobytes())
        return self._core.call("lmanet_push_samples", SAMPLES, len(samples))

    def forget(self) -> None:
        """Begin anew."""
        self._core.call("lmanet_forget_sound")

    def logits(self) -> NDArray[np.int8]:
        """Of the last window."""
        address = self._core.call("lmanet_output")
        classes = self._program.word("lmanet_output_bytes")
        return np.frombuffer(self._core.read(address, classes), np.int8)

    def posteriors(self) -> NDArray[np.float64]:
        """Probability of each class, averaged over the last windows."""
        address = self._core.call("lmanet_posteriors")
        content = self._core.read(address, 2 * self._program.word("lmanet_output_bytes"))
        return np.frombuffer(content, "<u2") / 32768

    def cost(self, arena_bytes: int) -> SoundCost:
        """What the front end takes beside the network.

        Args:
            arena_bytes: of the network's memory.
        """
        self.features(np.zeros(self.front_end.clip_samples, np.int16))  # code in the cache
        noise = np.random.default_rng(0).integers(-9999, 9999, self.front_end.clip_samples)
        before = self._core.instructions
        self.features(noise.astype(np.int16))
        instructions = self._core.instructions - before
        return SoundCost(
            ram_bytes=self._sizes.bss_bytes - arena_bytes,
            frame_instructions=-(-instructions // self.front_end.frames),
        )
