"""What was measured of a network in int8, whoever asked for it: a validator, or the stage that
deploys.
"""

from collections.abc import Mapping
from statistics import median

from pydantic import Field

from lmanet.base import Record


class Measurement(Record):
    """What other runtimes and an emulated core said of one network in int8; all of them gave the
    same bits.

    Attributes:
        toolchain, core: what compiled our generated C, and for which core; emulator, emulated_core:
            what ran it, and as which. No core of this kind may have an emulator; another that
            stands in for it is named then.
        images: inputs on which the outputs were compared.
        tflite_bytes: size of the ``.tflite`` file.
        measured_tflm_head_bytes, measured_tflm_tail_bytes: arena of TensorFlow Lite Micro here;
            64-bit pointers make its tail larger. None where it does not run.
        measured_bss_bytes: the ELF's ``.bss`` that belongs to the network, its arena.
        measured_flash_bytes: the ELF's code and constants, start-up code included.
        measured_stack_bytes: most of the stack that one inference used.
        measured_instructions: of one inference, emulated.
        kernel_instructions: the same by kernel.
        seconds: wall time of all this.
        compared: what the logits were held against: ``tflm``; on a machine without it,
            ``reference`` (plain integers) and perhaps ``litert``, which may differ by one step.
    """

    toolchain: str
    emulator: str
    core: str
    images: int
    tflite_bytes: int
    measured_tflm_head_bytes: int | None
    measured_tflm_tail_bytes: int | None
    measured_bss_bytes: int
    measured_flash_bytes: int
    measured_stack_bytes: int
    measured_instructions: int
    kernel_instructions: Mapping[str, int]
    seconds: float
    emulated_core: str | None = None
    compared: tuple[str, ...] = ("tflm",)

    @property
    def ran_on(self) -> str:
        """The emulated core. Earlier versions had QEMU be a Cortex-M7 and unicorn a Cortex-M33
        whatever core the code was for.
        """
        return self.emulated_core or ("cortex-m33" if self.emulator == "unicorn" else "cortex-m7")

    @property
    def measured_tflm_arena_bytes(self) -> int | None:
        """Head and tail."""
        if self.measured_tflm_head_bytes is None or self.measured_tflm_tail_bytes is None:
            return None
        return self.measured_tflm_head_bytes + self.measured_tflm_tail_bytes


class BoardMeasurement(Record):
    """What a board said of one network in int8: every answer had the bits of the reference.

    Attributes:
        board: as its firmware names it.
        emulated: it is an emulator, whose time is no board's.
        core_mhz: clock of its core, as its firmware says; a real board's counter was held against
            this machine's clock.
        images: different inputs.
        cycles: of the core, one entry a run, after one that warmed the caches.
        instructions: of one inference, emulated or estimated.
        network: begins the checksum of its C, which the firmware has, too.
        seconds: wall time of all this.
    """

    board: str
    emulated: bool
    core_mhz: float = Field(gt=0)
    images: int
    cycles: tuple[int, ...] = Field(min_length=1)
    instructions: int
    network: str
    seconds: float

    @property
    def measured_latency_ms(self) -> float:
        """Of one image, the median of all runs."""
        return self._ms(median(self.cycles))

    @property
    def spread_ms(self) -> tuple[float, float]:
        """The fastest and the slowest run."""
        return self._ms(min(self.cycles)), self._ms(max(self.cycles))

    @property
    def cycles_an_instruction(self) -> float:
        """On that board, of that network."""
        return median(self.cycles) / self.instructions

    @property
    def told(self) -> str:
        """One sentence: how long it takes, where, and how that was found."""
        low, high = self.spread_ms
        how = "emulated, no board's time" if self.emulated else "measured"
        return (
            f"{self.board}: {self.measured_latency_ms:.3g} ms for one image ({how}; median of "
            f"{len(self.cycles)} runs, {low:.3g} to {high:.3g}), at {self.core_mhz:g} MHz; every "
            "logit was that of the reference"
        )

    def _ms(self, cycles: float) -> float:
        return cycles / (self.core_mhz * 1e3)


class Hearing(Record):
    """What the front end of audio takes beside a network.

    Attributes:
        estimated_ram_bytes, estimated_flash_bytes: reserved for it; the limits of the target count
            them.
        estimated_frame_instructions: most for the features of one frame.
        measured_ram_bytes, measured_frame_instructions: on the emulated core; None where no
            emulator could call the functions one by one.
        frames_per_second: of the sound.
        hop_frames: frames from one classified window to the next.
    """

    estimated_ram_bytes: int
    estimated_flash_bytes: int
    estimated_frame_instructions: int
    measured_ram_bytes: int | None
    measured_frame_instructions: int | None
    frames_per_second: float
    hop_frames: int
