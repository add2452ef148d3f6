"""Instructions -> milliseconds on a board, as a range: how many cycles an instruction takes is
known of few networks.
"""

from typing import NamedTuple

from lmanet.board.cores import core_named
from lmanet.board.cycles import MeasuredCycles
from lmanet.errors import ConfigError


class LatencyRange(NamedTuple):
    """Milliseconds for one image, estimated: a figure without its runtime, core and clock says
    nothing.

    Attributes:
        lowest, highest: between which it is expected.
    """

    lowest: float
    highest: float


def latency_ms(
    instructions: int,
    core: str,
    clock_mhz: int,
    runtime: str = "c_static",
    measured: MeasuredCycles | None = None,
) -> LatencyRange:
    """Estimated latency of one image.

    Args:
        instructions: of one inference: measured in an emulator, or estimated.
        core: as `lmanet.board.cores` names it.
        clock_mhz: of the core.
        runtime: whose instructions they are: ``c_static``, or ``tflm`` with CMSIS-NN.
        measured: of the generated C on that board; of enough networks it takes the place of the
            core's span.

    Raises:
        ConfigError: nothing is known of that core, or of that runtime on it.
    """
    spans = core_named(core).cycles.model_dump()
    if runtime not in spans:
        raise ConfigError(
            f"cycles an instruction are not known of runtime={runtime} on core={core}; legal are "
            f"{', '.join(spans)} (target.runtime in conf/target)"
        )
    fitted = measured if measured and measured.is_enough and runtime == "c_static" else None
    span = fitted.span if fitted else spans[runtime]
    lowest, highest = (cycles * instructions / (clock_mhz * 1e3) for cycles in span)
    return LatencyRange(lowest, highest)


def estimated_latency_ms(
    instructions: int, core: str, clock_mhz: int, measured: MeasuredCycles | None = None
) -> LatencyRange:
    """The same of the generated C, from instructions that were estimated.

    Args:
        instructions: that a Cortex-M7 would run; another core runs more of them.
    """
    fewest, most = core_named(core).instructions
    lowest, highest = latency_ms(instructions, core, clock_mhz, measured=measured)
    return LatencyRange(fewest * lowest, most * highest)
