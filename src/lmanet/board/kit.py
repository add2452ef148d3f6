"""What is known of a microcontroller and of the boards that carry it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """Addresses that follow each other, so that one array may span them.

    Attributes:
        name: as in the part's reference manual.
        address: of the first byte.
        bytes: its size.
    """

    name: str
    address: int
    bytes: int


@dataclass(frozen=True)
class Kit:
    """What the firmware's instructions say of a part; nothing is computed from it.

    Attributes:
        boards: development boards that carry the part, as their tools name them.
        reset_clock_mhz: of the core after a reset, before anything sets it; None where it is not
            known.
        full_clock: what the core needs to run at its full clock, in words.
        linker_region: what STM32CubeIDE's linker script calls the network's region.
        remark: what else to know before a project is made, in words.
        package: delivery (``deploy.packages``) that the board's usual tool opens; empty where that
            is STM32CubeIDE. With ``arduino`` the stage measure writes a sketch.
        bare: a program without any file of the vendor starts from ``flash_address``.
    """

    boards: Sequence[str] = ()
    reset_clock_mhz: int | None = None
    full_clock: str = ""
    linker_region: str = "RAM"
    remark: str = ""
    package: str = ""
    bare: bool = True
