"""What networks run on: a runtime, and the core that it runs on, where that is known."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from lmanet.board.cycles import MeasuredCycles
from lmanet.cost.c_runtime.plan import CStaticOptions
from lmanet.errors import ConfigError

Runtime = Literal["c_static", "tflm", "plain"]
RUNTIMES: tuple[str, ...] = get_args(Runtime)


@dataclass(frozen=True)
class Platform:
    """Where the cost of a network is counted.

    Attributes:
        runtime: ``c_static``, our generated C; ``tflm``, TensorFlow Lite Micro with CMSIS-NN;
            ``plain``, none in particular.
        c_options: what the generated C does to save memory.
        core: a name in `lmanet.board.cores`; None where no latency is asked for.
        clock_mhz: of the core.
        measured: cycles of this very board; None rests on the span of the core.
    """

    runtime: Runtime = "c_static"
    c_options: CStaticOptions = field(default_factory=CStaticOptions)
    core: str | None = None
    clock_mhz: int = 0
    measured: MeasuredCycles | None = None

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise ConfigError(
                f"runtime={self.runtime!r} is unknown; legal are {', '.join(RUNTIMES)} "
                "(target.runtime in conf/target)"
            )
