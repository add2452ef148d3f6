"""What deployment must know of a board; `lmanet.validate.Target` is one."""

from dataclasses import dataclass, field
from typing import Protocol

from lmanet.deploy.firmware import Part
from lmanet.space import Platform, Region


class Board(Part, Protocol):
    """A microcontroller on a board, and how networks are to run on it."""

    @property
    def clock_mhz(self) -> int:
        """Of the core."""

    @property
    def platform(self) -> Platform:
        """Runtime, core and clock."""


@dataclass(frozen=True)
class Stm32H743:
    """The board that is meant where none is named; conf/target/stm32h743.yaml says the same with its sources."""

    name: str = "stm32h743"
    board: str = "STM32H743ZI (Cortex-M7, 480 MHz, 2 MiB flash, 512 KiB AXI SRAM)"
    core: str = "cortex-m7"
    clock_mhz: int = 480
    region: Region = field(default_factory=lambda: Region("AXI SRAM", 0x24000000, 524288))
    stack_bytes: int = 8192
    reserved_sram_bytes: int = 196608
    flash_bytes: int = 2097152

    @property
    def platform(self) -> Platform:
        """Our generated C on its core."""
        return Platform(core=self.core, clock_mhz=self.clock_mhz)

    @property
    def regions(self) -> tuple[Region, ...]:
        """The network's alone; the part has others."""
        return (self.region,)
