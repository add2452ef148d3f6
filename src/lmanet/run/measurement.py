"""What was measured of a network in int8, whoever asked for it: a validator, or the stage that
deploys.
"""

from collections.abc import Mapping

from lmanet.base import Record


class Measurement(Record):
    """What the true runtimes and an emulated core said of one network in int8; all of them gave the
    same bits.

    Attributes:
        toolchain, core: what compiled our generated C, and for which core; emulator, emulated_core:
            what ran it, and as which.
        images: inputs on which the outputs were compared.
        tflite_bytes: size of the ``.tflite`` file.
        measured_tflm_head_bytes, measured_tflm_tail_bytes: arena of TensorFlow Lite Micro here;
            64-bit pointers make its tail larger.
        measured_bss_bytes: the ELF's ``.bss`` that belongs to the network, its arena.
        measured_flash_bytes: the ELF's code and constants, start-up code included.
        measured_stack_bytes: most of the stack that one inference used.
        measured_instructions: of one inference, emulated.
        kernel_instructions: the same by kernel.
        seconds: wall time of all this.
    """

    toolchain: str
    emulator: str
    core: str
    images: int
    tflite_bytes: int
    measured_tflm_head_bytes: int
    measured_tflm_tail_bytes: int
    measured_bss_bytes: int
    measured_flash_bytes: int
    measured_stack_bytes: int
    measured_instructions: int
    kernel_instructions: Mapping[str, int]
    seconds: float
    emulated_core: str | None = None

    @property
    def ran_on(self) -> str:
        """The emulated core. Earlier versions had QEMU be a Cortex-M7 and unicorn a Cortex-M33
        whatever core the code was for.
        """
        return self.emulated_core or ("cortex-m33" if self.emulator == "unicorn" else "cortex-m7")

    @property
    def measured_tflm_arena_bytes(self) -> int:
        """Head and tail."""
        return self.measured_tflm_head_bytes + self.measured_tflm_tail_bytes


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
