"""Sizes against those that the program itself states."""

from pathlib import Path

import pytest

from lmanet.deploy.run.elf import program_sizes, read_program
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import DeployError

PROGRAM = Path(__file__).parent / "two_steps"


def test_constants_variables_and_arena_are_told_apart(tmp_path):
    plain = program_sizes(
        toolchain_named("zig").compile(PROGRAM, "cortex-m7", tmp_path / "plain.elf")
    )
    folder = tmp_path / "program"
    folder.mkdir()
    for file in PROGRAM.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "more.c").write_text(
        "volatile int set[25] = {7}, zero[10];\nconst volatile char text[1000] = {1};\nint "
        "used(void);\n"
    )
    network = folder / "network.c"
    declarations = "extern volatile int set[], zero[]; extern const volatile char text[];\n"
    step = "void lmanet_step(int step) {"
    network.write_text(
        network.read_text().replace(step, f"{declarations}{step} zero[1] = set[1] + text[1];")
    )
    more = program_sizes(toolchain_named("zig").compile(folder, "cortex-m7", tmp_path / "more.elf"))
    assert more.data_bytes == plain.data_bytes + 104  # to a multiple of 8
    assert more.bss_bytes - plain.bss_bytes == 48  # to a multiple of 16
    assert more.arena_bytes == plain.arena_bytes == 64
    assert 1000 <= more.text_bytes - plain.text_bytes < 1100
    assert more.flash_bytes == more.text_bytes + more.data_bytes


def test_a_file_or_a_name_that_is_not_there(tmp_path):
    (tmp_path / "text.elf").write_text("no program")
    with pytest.raises(DeployError, match="no ELF file"):
        read_program(tmp_path / "text.elf")
    program = read_program(
        toolchain_named("zig").compile(PROGRAM, "cortex-m7", tmp_path / "network.elf")
    )
    with pytest.raises(DeployError, match="no_such_name"):
        program.word("no_such_name")
