"""Cores of microcontrollers: one YAML file each, which compilers, emulators, firmware and estimates
read.

It stands below `lmanet.cost`, whose latency needs the cycles of a core; targets stand above.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from lmanet.base import Above0, Record
from lmanet.errors import ConfigError

FOLDER = Path(__file__).parent
# The core that is meant where none is named; instructions are estimated for it.
USUAL_CORE = "cortex-m7"
Architecture = Literal["arm", "riscv", "xtensa"]
Span = Annotated[tuple[Above0, Above0], Field(description="lowest, highest")]


class Cycles(Record):
    """Cycles that an instruction takes, lowest and highest, by runtime.

    Attributes:
        tflm: TensorFlow Lite Micro with CMSIS-NN.
        c_static: our generated C.
    """

    tflm: Span
    c_static: Span

    @model_validator(mode="after")
    def _in_order(self) -> "Cycles":
        for runtime, (lowest, highest) in self:
            if lowest > highest:
                raise ValueError(
                    f"{runtime}: the lowest, {lowest}, is above the highest, {highest}"
                )
        return self


class Core(Record):
    """One core.

    Attributes:
        name: as targets name it; its maker's, in lower case.
        architecture: whose instructions it has; gcc is a program of its own for each.
        compilers: toolchain of ``conf/deploy`` -> arguments that select the core.
        emulators: emulator of ``conf/deploy`` -> what it calls the core; one that is not listed has
            no such core.
        serial_machine: machine of QEMU whose serial line the stage measure talks to, where that is
            not the one of ``emulators``.
        stand_in: core that is compiled for and emulated in its place, by emulators that have none
            of this kind.
        cycles: of an instruction; an estimate of latency rests on them.
        instructions: of a network beside those of a Cortex-M7, lowest and highest; an estimate of
            latency rests on them where instructions were not counted on this core.
        caches: it has an instruction and a data cache of its own.
        counter_locked: its cycle counter is to be unlocked first.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    compilers: dict[str, tuple[str, ...]]
    emulators: dict[str, str]
    cycles: Cycles
    architecture: Architecture = "arm"
    serial_machine: str | None = None
    stand_in: str | None = None
    instructions: Span = (1.0, 1.0)
    caches: bool = False
    counter_locked: bool = False

    @field_validator("compilers")
    @classmethod
    def _with_gcc(cls, compilers: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if "gcc" not in compilers:
            raise ValueError("gcc is missing, which builds the firmware")
        return compilers

    @field_validator("instructions")
    @classmethod
    def _in_order(cls, span: tuple[float, float]) -> tuple[float, float]:
        if span[0] > span[1]:
            raise ValueError(f"the lowest, {span[0]}, is above the highest, {span[1]}")
        return span

    @property
    def measured_machine(self) -> str:
        """Machine of QEMU that the stage measure can take as a board; empty where there is none."""
        return self.serial_machine or self.emulators.get("qemu", "")

    @property
    def cmsis_name(self) -> str:
        """As Arm's headers and STM32CubeIDE write it: ``CORTEX_M7``."""
        return self.name.upper().replace("-", "_")


@lru_cache(maxsize=1)
def cores() -> dict[str, Core]:
    """Name -> core, of all that are known: those of this folder, and those of `load_core`."""
    return {core.name: core for core in map(_read, sorted(FOLDER.glob("*.yaml")))}


def core_named(name: str) -> Core:
    """All that is known of a core.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in cores():
        raise ConfigError(
            f"core={name!r} is unknown; legal are {', '.join(cores())}, or in conf/target the path "
            "of a file like those in lmanet/board/cores"
        )
    return cores()[name]


def load_core(path: Path | str) -> Core:
    """Make the core of a file known, so that targets can name it; one of the same name is replaced.

    Raises:
        ConfigError: there is no such file, or it is no core.
    """
    core = _read(Path(path))
    cores()[core.name] = core
    return core


def _read(path: Path) -> Core:
    try:
        return Core.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); pass a core's file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is no YAML ({str(error).splitlines()[0]}); write it like those in {FOLDER}"
        ) from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigError(
            f"{path} is no core ({faults}); write it like those in {FOLDER}"
        ) from None
