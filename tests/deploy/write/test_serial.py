"""The firmware that is measured over a serial line: its sources, for any core and from C++."""

import shutil
import subprocess

import numpy as np
import pytest

from lmanet.board import load_target
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.toolchain import SUPPORT, toolchain_named
from lmanet.deploy.write.firmware import LINKER_SCRIPT, Example, write_firmware
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.serial import (
    board_source,
    serial_sources,
    shipped_boards,
    write_serial,
    write_sketch,
)
from lmanet.errors import ConfigError
from lmanet.network.graph import operators

STRICT = ("-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")
GCC = "arm-none-eabi-gcc"


@pytest.fixture
def written(make, integer_graph, tmp_path):
    def folder(source=None, text=True, target=""):
        write_program(
            integer_graph(operators(make({"channels": 8}, resolution=12), 4)), tmp_path / "c"
        )
        made = tmp_path / "serial"
        return made, write_serial(made, tmp_path / "c", board_source(source), text, target)

    return folder


@pytest.mark.slow  # compiles
@pytest.mark.parametrize("board", [None, "mps2"])
@pytest.mark.parametrize("core", ["m0plus", "m3", "m4", "m7", "m33"])
def test_the_firmware_compiles_for_any_core_without_a_warning(written, board, core, tmp_path):
    if not shutil.which(GCC):
        pytest.skip(f"{GCC} is not here")
    folder, _ = written(board)
    includes = (f"-I{folder}", f"-I{folder}/network")
    for source in folder.glob("*.c"):
        command = (GCC, f"-mcpu=cortex-{core}", "-mthumb", "-std=c99", *STRICT, *includes)
        subprocess.run([*command, "-c", source, "-o", tmp_path / "unit.o"], check=True)


READY = [name for name in shipped_boards() if name != "mps2"]


@pytest.mark.slow  # compiles
@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("board", READY)
def test_a_board_that_is_ready_is_linked_for_its_target_without_a_warning(
    written, board, toolchain, tmp_path
):
    if toolchain == "gcc" and not shutil.which(GCC):
        pytest.skip(f"{GCC} is not here")
    target, chain = load_target(board), toolchain_named(toolchain)
    folder, _ = written(board)
    image = np.zeros(432, np.int8)
    example = Example(image, image[:4])
    write_firmware(tmp_path / "bare", tmp_path / "c", target, example, 0)
    sources = [*(folder / "network").glob("*.c"), *(folder / name for name in serial_sources(True))]
    elf = chain.link(
        [*sources, SUPPORT / "startup.c", SUPPORT / "memory.c"],
        target.core,
        tmp_path / "bare" / LINKER_SCRIPT,
        tmp_path / "board.elf",
        ("-Werror", "-Wshadow"),
    )
    program = read_program(elf)
    assert program.symbol("lmanet_board_start") > target.flash_address
    text = (folder / "board.c").read_text()
    assert any(name in text for name in target.kit.boards)
    assert "ompiled, not run" in text or "not run on this board" in text


def test_the_file_of_a_board_that_is_ready_is_written_and_what_a_user_changed_stays(written):
    folder, _ = written(target="stm32f446")
    board = folder / "board.c"
    assert "NUCLEO-F446RE" in board.read_text()
    board.write_text("mine")
    written(target="stm32f446")
    assert board.read_text() == "mine"


def test_a_sketch_has_all_that_the_arduino_ide_builds_and_what_a_user_changed_stays(written):
    folder, _ = written()
    sketch = write_sketch(folder, text=True)
    main = sketch / f"{sketch.name}.ino"
    assert "lmanet_serve();" in main.read_text()
    assert {"network.c", "serial.c", "mlperf.c"} <= {path.name for path in sketch.glob("*.c")}
    assert not (sketch / "main.c").exists() and not (sketch / "board.c").exists()
    main.write_text("mine")
    (sketch / "stale.c").write_text("of another network")
    write_sketch(folder, text=False)
    assert main.read_text() == "mine"
    assert not (sketch / "stale.c").exists() and not (sketch / "mlperf.c").exists()


@pytest.mark.slow  # compiles
def test_a_board_may_be_written_in_cpp(written, tmp_path):
    if not shutil.which("g++"):
        pytest.skip("g++ is not here")
    folder, _ = written()
    source = shutil.copy(folder / "board.c", folder / "board.cpp")
    unit = tmp_path / "unit.o"
    subprocess.run(["g++", "-Wall", "-Werror", f"-I{folder}", "-c", source, "-o", unit], check=True)
    names = subprocess.run(["nm", unit], check=True, capture_output=True, text=True).stdout
    assert " lmanet_board_ticks\n" in names and " lmanet_board_tick_hz\n" in names


def test_another_network_has_another_name_and_the_same_one_the_same(
    written, make, integer_graph, tmp_path
):
    folder, first = written()
    assert f'"{first}"' in (folder / "identity.h").read_text() and len(first) == 16
    assert written()[1] == first
    graph = integer_graph(operators(make({"channels": 8}, resolution=12), 4), seed=1)
    write_program(graph, tmp_path / "other")
    assert write_serial(folder, tmp_path / "other", None, True) != first


def test_without_text_commands_their_file_and_their_image_are_gone(written):
    folder, _ = written(text=True)
    assert (folder / "mlperf.c").exists()
    written(text=False)
    assert not (folder / "mlperf.c").exists()
    assert "#define LMANET_TEXT 0" in (folder / "identity.h").read_text()


def test_every_shipped_board_has_a_name_and_others_are_named_by_their_file(tmp_path):
    own = tmp_path / "mine.c"
    own.write_text("")
    assert board_source(str(own)) == own and board_source(None) is None
    for name, path in shipped_boards().items():
        assert board_source(name) == path
    with pytest.raises(ConfigError, match="nor a C file"):
        board_source("gone")
