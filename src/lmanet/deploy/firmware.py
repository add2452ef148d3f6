"""The folder ``firmware``: a network's C with all that a board needs to run it, and the board's memory as its limit."""

import re
from collections.abc import Iterable
from pathlib import Path
from shutil import copyfile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.toolchain import GCC_CORES, SUPPORT
from lmanet.errors import DeployError
from lmanet.space import Region

NETWORK = "network"
COPIED = ("main.c", "arm-none-eabi.cmake")
FILLED = ("CMakeLists.txt", "lmanet.ld", "README.md")
CHECK = "check.h"
LINKER_SCRIPT = "lmanet.ld"
# Of every STM32; RM0433 and the other reference manuals, memory map.
FLASH_ADDRESS = 0x08000000
# Names that STM32CubeIDE's linker scripts give to the memory at an address.
CUBE_REGIONS = {0x24000000: "RAM_D1", 0x20010000: "RAM", 0x20000000: "RAM"}


class Part(Protocol):
    """What must be known of a board; `lmanet.validate.Target` is one."""

    @property
    def name(self) -> str:
        """Of the microcontroller."""

    @property
    def board(self) -> str:
        """In words."""

    @property
    def core(self) -> str:
        """``cortex-m4`` or ``cortex-m7``."""

    @property
    def regions(self) -> Iterable[Region]:
        """Of its SRAM."""

    @property
    def region(self) -> Region:
        """The network's, shared with stack, variables and camera frame."""

    @property
    def stack_bytes(self) -> int:
        """Of that region, for the stack."""

    @property
    def reserved_sram_bytes(self) -> int:
        """Of that region, for all but the network; the stack is part of it."""

    @property
    def flash_bytes(self) -> int:
        """The whole flash memory."""


def write_firmware(folder: Path, program: Path, part: Part, image: NDArray[np.int8], logits: NDArray[np.int8]) -> None:
    """Write C, start-up code, linker script, CMake files and instructions.

    Args:
        program: folder of `lmanet.deploy.program.write_program`.
        image: an input of the network, in its integers.
        logits: what the network makes of ``image``; the firmware compares.

    Raises:
        DeployError: the board leaves nothing to the network.
    """
    network = folder / NETWORK
    network.mkdir(parents=True, exist_ok=True)
    sources = sorted([*program.glob("*.h"), *program.glob("*.c")])
    for source in [*sources, *(SUPPORT / "firmware").glob("camera.*")]:
        copyfile(source, network / source.name)
    for source in [*(SUPPORT / "firmware" / name for name in COPIED), SUPPORT / "startup.c", SUPPORT / "memory.c"]:
        copyfile(source, folder / source.name)
    values = _values(part) | {"ARENA_BYTES": f"{_arena_bytes(program):,}"}
    for name in FILLED:
        (folder / name).write_text(_fill((SUPPORT / "firmware" / name).read_text(encoding="utf-8"), values), encoding="utf-8")
    (folder / CHECK).write_text(_check(image, logits), encoding="utf-8")


def _values(part: Part) -> dict[str, str]:
    region, reserved = part.region, part.reserved_sram_bytes
    if not part.stack_bytes <= reserved < region.bytes:
        raise DeployError(
            f"target {part.name}: of the {region.bytes} bytes of {region.name} {reserved} are reserved, the stack takes {part.stack_bytes};"
            f" it must be part of what is reserved, and something be left to the network (conf/target/{part.name}.yaml)"
        )
    others = [
        f"    {_identifier(other.name)} (rw) : ORIGIN = {other.address:#x}, LENGTH = {other.bytes}\n"
        for other in part.regions
        if other != region
    ]
    return {
        "NAME": part.name,
        "BOARD": part.board,
        "CORE_FLAGS": " ".join(GCC_CORES[part.core]),
        "DEFINITIONS": "LMANET_CACHES" if part.core == "cortex-m7" else "",
        "REGION": region.name,
        "REGION_ADDRESS": f"{region.address:#x}",
        "FLASH_ADDRESS": f"{FLASH_ADDRESS:#x}",
        "FLASH_BYTES": str(part.flash_bytes),
        "RAM_ADDRESS": f"{region.address:#x}",
        "RAM_BYTES": str(reserved),
        "STACK_BYTES": str(part.stack_bytes),
        "NETWORK_ADDRESS": f"{region.address + reserved:#x}",
        "NETWORK_BYTES": str(region.bytes - reserved),
        "OTHERS": "".join(others),
        "CUBE_REGION": CUBE_REGIONS.get(region.address, "RAM"),
    }


def _fill(template: str, values: dict[str, str]) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], template)


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name).upper()


def _arena_bytes(program: Path) -> int:
    found = re.search(r"#define LMANET_ARENA_BYTES\s+(\d+)", (program / "network.h").read_text(encoding="utf-8"))
    if not found:
        raise DeployError(f"{program / 'network.h'} does not define LMANET_ARENA_BYTES; it should have been written by write_program")
    return int(found[1])


def _check(image: NDArray[np.int8], logits: NDArray[np.int8]) -> str:
    arrays = "\n".join(
        f"static const int8_t lmanet_check_{name}[{values.size}] = {{\n{_rows(values)}\n}};"
        for name, values in (("image", image), ("logits", logits))
    )
    comment = "/* An image in the integers of the network's input, and the logits that the network makes of it. */"
    return f"{comment}\n#include <stdint.h>\n\n{arrays}\n"


def _rows(values: NDArray[np.int8], width: int = 24) -> str:
    numbers = values.ravel().tolist()
    return "\n".join("    " + ", ".join(map(str, numbers[i : i + width])) + "," for i in range(0, len(numbers), width))
