"""The folder ``firmware``: a network's C with all that a board needs to run it, and the board's
memory as its limit.
"""

import re
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.board import Target
from lmanet.board.cores import core_named
from lmanet.deploy.run.instructions import instructions
from lmanet.deploy.run.toolchain import SUPPORT

NETWORK = "network"
COPIED = ("main.c", "arm-none-eabi.cmake")
FILLED = ("CMakeLists.txt", "lmanet.ld")
README = "README.md"
# For boards whose usual tool is not STM32CubeIDE.
OTHER_README = "README_package.md"
CHECK = "check.h"
LINKER_SCRIPT = "lmanet.ld"


class Example(NamedTuple):
    """An input of a network, in its integers, and the logits that the network makes of it."""

    image: NDArray[np.int8]
    logits: NDArray[np.int8]


def write_firmware(
    folder: Path, program: Path, target: Target, example: Example, arena_bytes: int
) -> None:
    """Write C and instructions; for a part that starts bare, also start-up code, linker script and
    CMake files.

    Args:
        folder: to be written; made where it is not there.
        program: folder of `lmanet.deploy.write.program.write_program`.
        target: the board.
        example: the firmware runs it, and compares.
        arena_bytes: of the network's memory.
    """
    network = folder / NETWORK
    network.mkdir(parents=True, exist_ok=True)
    sources = sorted([*program.glob("*.h"), *program.glob("*.c")])
    for source in [*sources, *(SUPPORT / "firmware").glob("camera.*")]:
        copyfile(source, network / source.name)
    values = _values(target) | instructions(target, arena_bytes)
    if target.kit.bare:
        _write_start(folder, values)
    readme = OTHER_README if target.kit.package else README
    _write_filled(folder / README, SUPPORT / "firmware" / readme, values)
    (folder / CHECK).write_text(check(example), encoding="utf-8")


def _write_start(folder: Path, values: dict[str, str]) -> None:
    """What makes a program of the network without any file of the vendor."""
    firmware = SUPPORT / "firmware"
    for source in [
        *(firmware / name for name in COPIED),
        SUPPORT / "startup.c",
        SUPPORT / "memory.c",
    ]:
        copyfile(source, folder / source.name)
    for name in FILLED:
        _write_filled(folder / name, firmware / name, values)


def _write_filled(path: Path, template: Path, values: dict[str, str]) -> None:
    path.write_text(_fill(template.read_text(encoding="utf-8"), values), encoding="utf-8")


def _values(target: Target) -> dict[str, str]:
    """What CMake and the linker are told."""
    region, reserved = target.region, target.reserved_sram_bytes
    others = [
        (
            f"    {_identifier(other.name)} (rw) : ORIGIN = {other.address:#x}, LENGTH = "
            f"{other.bytes}\n"
        )
        for other in target.regions
        if other != region
    ]
    return {
        "CORE_FLAGS": " ".join(core_named(target.core).compilers["gcc"]),
        "DEFINITIONS": "LMANET_CACHES" if target.has_caches else "",
        "REGION_ADDRESS": f"{region.address:#x}",
        "FLASH_ADDRESS": f"{target.flash_address:#x}",
        "FLASH_BYTES": str(target.flash_bytes),
        "RAM_ADDRESS": f"{region.address:#x}",
        "RAM_BYTES": str(reserved),
        "STACK_BYTES": str(target.stack_bytes),
        "NETWORK_ADDRESS": f"{region.address + reserved:#x}",
        "NETWORK_BYTES": str(region.bytes - reserved),
        "OTHERS": "".join(others),
    }


def _fill(template: str, values: dict[str, str]) -> str:
    """Put the values in; a line of one name alone whose value is empty is left out."""
    lines = [
        line
        for line in template.splitlines(keepends=True)
        if values.get(line.strip().strip("@"), line)
    ]
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], "".join(lines))


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII).upper()


def check(example: Example) -> str:
    """Text of ``check.h``."""
    arrays = "\n".join(
        f"static const int8_t lmanet_check_{name}[{values.size}] = {{\n{_rows(values)}\n}};"
        for name, values in example._asdict().items()
    )
    comment = (
        "/* An image in the integers of the network's input, and the logits that the network "
        "makes of it. */"
    )
    return f"{comment}\n#include <stdint.h>\n\n{arrays}\n"


def _rows(values: NDArray[np.int8], width: int = 24) -> str:
    numbers = values.ravel().tolist()
    return "\n".join(
        "    " + ", ".join(map(str, numbers[i : i + width])) + ","
        for i in range(0, len(numbers), width)
    )
