"""What deployment must know of a board; `lmanet.validate.Target` is one."""

from collections.abc import Sequence
from typing import Protocol

from lmanet.space import Region, Runtime


class Board(Protocol):
    """A microcontroller, and what of it the network may have."""

    @property
    def name(self) -> str:
        """Of its file in conf/target."""

    @property
    def board(self) -> str:
        """In words."""

    @property
    def core(self) -> str:
        """``cortex-m4`` or ``cortex-m7``."""

    @property
    def clock_mhz(self) -> int:
        """Of the core."""

    @property
    def runtime(self) -> Runtime:
        """Whose memory is counted."""

    @property
    def regions(self) -> Sequence[Region]:
        """Of SRAM."""

    @property
    def region(self) -> Region:
        """The one that holds the network."""

    @property
    def stack_bytes(self) -> int:
        """Of that region."""

    @property
    def runtime_sram_bytes(self) -> int:
        """Of that region, for all else that the firmware keeps."""

    @property
    def input_buffer_bytes(self) -> int:
        """Of that region, for a camera's frame."""

    @property
    def flash_bytes(self) -> int:
        """The whole flash memory, which begins at 0x08000000 on every STM32."""
