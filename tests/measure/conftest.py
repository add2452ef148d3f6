"""A board for all tests: firmware of a small network on QEMU, with its serial line on a
pseudo-terminal. No board is here.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from lmanet.board import load_target
from lmanet.deploy import BoardPrograms, Settings
from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.measure.emulated import QEMU, EmulatedBoard
from lmanet.network import Architecture
from lmanet.steps import BoardProgram

TARGET = "stm32f446"
CLASSES = 4
FAULTY = Path(__file__).with_name("board_faulty.c")


@pytest.fixture(scope="session")
def small(make) -> Architecture:
    """A network that takes milliseconds; its image has 432 bytes."""
    return make({"channels": 8}, resolution=12)


@pytest.fixture(scope="session")
def board_file(tmp_path_factory) -> Callable[..., Path]:
    """The shipped file of the emulated board, its functions below ones that can fail."""

    def written(**changes: str) -> Path:
        text = (SUPPORT / "serial" / "board_mps2.c").read_text()
        for name in ("start", "read", "write", "ticks"):
            text = text.replace(f"lmanet_board_{name}(", f"mps2_{name}(")
        for name, value in changes.items():
            text = text.replace(f"lmanet_board_{name} = 1", f"lmanet_board_{name} = {value}")
        path = tmp_path_factory.mktemp("board") / "board.c"
        path.write_text(FAULTY.read_text().replace('#include "board_mps2.c"', text))
        return path

    return written


@pytest.fixture(scope="session")
def programs_of() -> Callable[..., BoardPrograms]:
    def made(source: str | None = "mps2", text: bool = True) -> BoardPrograms:
        return BoardPrograms(load_target(TARGET), CLASSES, Settings(), source, text)

    return made


@pytest.fixture(scope="session")
def built(programs_of, small, board_file, tmp_path_factory) -> Callable[..., BoardProgram]:
    """The small network as firmware of a board that can fail; each is built once."""
    kept: dict[str, BoardProgram] = {}

    def program(emulated: str = "1") -> BoardProgram:
        if emulated not in kept:
            programs = programs_of()
            programs.source = board_file(emulated=emulated)
            folder = tmp_path_factory.mktemp("firmware")
            kept[emulated] = programs.of_candidate(small, folder)[1]
        return kept[emulated]

    return program


@pytest.fixture
def board(built) -> Iterator[EmulatedBoard]:
    """An emulator with that firmware."""
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not here")
    emulated = EmulatedBoard(load_target(TARGET).core)
    emulated.flash(built().elf)
    yield emulated
    emulated.close()


@pytest.fixture
def fails(board) -> Callable[[str], str]:
    """Have the board fail in one way, and give its port."""
    modes = ["resets", "hangs", "garbles", "stands_still", "hurries", "flips_a_bit", "talks"]

    def chosen(fault: str) -> str:
        with serial.Serial(board.port, 115200, timeout=5) as line:
            line.write(bytes([0xF1 + modes.index(fault)]))
            line.flush()
        return board.port

    return chosen
