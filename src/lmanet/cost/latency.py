"""Instructions -> milliseconds on a board, as a range: how many cycles an instruction takes is
known of few networks.
"""

from typing import NamedTuple

from lmanet.errors import ConfigError

# (runtime, core) -> lowest and highest cycles an instruction.
#
# tflm on an M7: 0.96 and 0.99 on an STM32H743, of the two networks of MCUNet's published table
# whose instructions were counted, if the board ran at its 480 MHz; a tenth more to either side for
# other networks. c_static on an M7: NO board has measured our kernels. They are built of the
# instructions that CMSIS-NN is built of: its 0.97, divided and multiplied by 1.5. An M7 cannot do
# less than 0.5, since it starts at most two instructions a cycle. An M4 takes 1.29 to 1.95 times
# the cycles of an M7 for the same network and version of a runtime (twelve pairs of MLPerf Tiny
# results, of a NUCLEO-L4R5ZI and a NUCLEO-H7A3ZI-Q), and never less than one an instruction. The
# highest of tflm is that of MLPerf's own reference on the L4R5, whose CMSIS-NN is older than the
# counted one.
CYCLES_PER_INSTRUCTION = {
    ("tflm", "cortex-m7"): (0.88, 1.07),
    ("c_static", "cortex-m7"): (0.65, 1.45),
    ("tflm", "cortex-m4"): (1.25, 2.94),
    ("c_static", "cortex-m4"): (1.0, 2.82),
}


class LatencyRange(NamedTuple):
    """Milliseconds for one image, estimated: a figure without its runtime, core and clock says
    nothing.

    Attributes:
        lowest, highest: between which it is expected.
    """

    lowest: float
    highest: float


def latency_ms(
    instructions: int, core: str, clock_mhz: int, runtime: str = "c_static"
) -> LatencyRange:
    """Estimated latency of one image.

    Args:
        instructions: of one inference: measured in an emulator, or estimated.
        core: ``cortex-m4`` or ``cortex-m7``.
        runtime: whose instructions they are: ``c_static``, or ``tflm`` with CMSIS-NN.

    Raises:
        ConfigError: nothing is known of that runtime on that core.
    """
    if (runtime, core) not in CYCLES_PER_INSTRUCTION:
        known = ", ".join(f"{runtime} on {core}" for runtime, core in CYCLES_PER_INSTRUCTION)
        raise ConfigError(
            f"cycles an instruction are not known of runtime={runtime} on "
            f"core={core}, but of {known} (conf/target)"
        )
    lowest, highest = (
        cycles * instructions / (clock_mhz * 1e3)
        for cycles in CYCLES_PER_INSTRUCTION[runtime, core]
    )
    return LatencyRange(lowest, highest)
