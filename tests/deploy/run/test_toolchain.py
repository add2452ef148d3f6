"""Both compilers on a program written by hand."""

import logging
import shutil
from pathlib import Path

import pytest

from lmanet.board.cores import cores
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.toolchain import GNU, SUPPORT, toolchain_named
from lmanet.errors import ConfigError, DeployError, ToolError
from lmanet.files import cache_folder
from lmanet.tool import run_tool

pytestmark = pytest.mark.slow  # compiles and emulates

PROGRAM = Path(__file__).parent / "two_steps"
# Each core by each compiler; GNU's of another architecture than Arm's where it is installed.
WAYS = [
    (toolchain, core.name)
    for core in cores().values()
    for toolchain in core.compilers
    if toolchain == "zig" or core.architecture == "arm" or shutil.which(GNU[core.architecture][0])
]


@pytest.mark.parametrize(("name", "core"), WAYS)
def test_no_warning_and_nothing_but_the_arena_in_bss(name, core, tmp_path, caplog):
    if name == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("needs arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi")
    with caplog.at_level(logging.WARNING):
        program = read_program(
            toolchain_named(name).compile(PROGRAM, core, tmp_path / "network.elf")
        )
    assert not caplog.records
    assert (
        program.sizes.bss_bytes
        == program.sizes.arena_bytes
        == program.word("lmanet_arena_bytes")
        == 64
    )
    assert 400 < program.sizes.flash_bytes < 4000


def test_a_changed_kernel_header_is_no_old_object(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(PROGRAM, tmp_path / "program")
    zig = toolchain_named("zig")
    kept = cache_folder("objects")

    def objects_after(core):
        zig._objects(
            (*zig.command, *zig.core_flags(core), *zig.flags), sorted(folder.glob("*.c")), tmp_path
        )
        return len(list(kept.iterdir()))

    assert [objects_after("cortex-m7"), objects_after("cortex-m7"), objects_after("cortex-m4")] == [
        1,
        1,
        2,
    ]
    header = folder / "lmanet_kernels.h"
    header.write_text(header.read_text() + "#define CHANGED\n")
    assert objects_after("cortex-m7") == 3


def test_the_compilers_words_reach_the_user(tmp_path):
    folder = shutil.copytree(PROGRAM, tmp_path / "program")
    (folder / "network.c").write_text("int lmanet_step(int i) { return no_such_name; }\n")
    with pytest.raises(DeployError, match="no_such_name"):
        toolchain_named("zig").compile(folder, "cortex-m7", tmp_path / "network.elf")


def test_a_compiler_that_refuses_what_is_the_same_for_every_network_is_at_fault_itself(tmp_path):
    folder = shutil.copytree(PROGRAM, tmp_path / "program")
    (folder / "lmanet_kernels.c").write_text("int lm_negate(void) { return no_such_name; }\n")
    with pytest.raises(
        ToolError,
        match=r"lmanet_kernels\.c is the same for every network, and toolchain=zig refuses it",
    ):
        toolchain_named("zig").compile(folder, "cortex-m7", tmp_path / "network.elf")


def test_a_tool_that_cannot_be_started_is_named(tmp_path):
    with pytest.raises(ToolError, match="no-such-compiler cannot be started"):
        run_tool([str(tmp_path / "no-such-compiler")], tmp_path)


def test_what_is_missing_or_unknown_is_named(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="zig, gcc"):
        toolchain_named("clang")
    with pytest.raises(ConfigError, match="cortex-m4, cortex-m55, cortex-m7"):
        toolchain_named("zig").compile(PROGRAM, "cortex-m1", tmp_path / "network.elf")
    with pytest.raises(DeployError, match=r"no C source"):
        toolchain_named("zig").compile(tmp_path, "cortex-m7", tmp_path / "network.elf")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install gcc-arm-none-eabi"):
        toolchain_named("gcc")


def test_a_core_that_a_compiler_does_not_know_says_which_does(tmp_path):
    with pytest.raises(
        ConfigError, match="not known to compile for core=xtensa-lx7; legal are gcc"
    ):
        toolchain_named("zig").compile(PROGRAM, "xtensa-lx7", tmp_path / "network.elf")


def test_a_missing_compiler_of_an_architecture_is_named(monkeypatch):
    gcc = toolchain_named("gcc")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=r"riscv64-unknown-elf-gcc for core=rv32imc: apt-get"):
        gcc.compiler("rv32imc")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, id=command[0])
        for command in (
            ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"],
            ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32"],
            # the core of an ESP8266: what Debian has of Xtensa
            ["xtensa-lx106-elf-gcc", "-mlongcalls"],
        )
        if command[0].startswith("arm") or shutil.which(command[0])
    ],
)
def test_the_kernels_compile_without_a_warning_on_cores_without_an_emulator_too(command, tmp_path):
    flags = ["-O2", "-std=gnu11", "-ffreestanding", "-Wall", "-Wextra", "-Werror"]
    for source in sorted(SUPPORT.glob("lmanet_*.c")):
        made = str(tmp_path / f"{source.stem}.o")
        run_tool([*command, *flags, "-c", str(source), "-o", made], tmp_path)
