"""Firmware of a program written by hand: compiled, linked against real memory maps, and run from
reset on an emulated core.
"""

import ctypes
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import unicorn
from unicorn.arm_const import (
    UC_ARM_REG_PC,
    UC_ARM_REG_SP,
)

from lmanet.board import Kit, Region, load_target
from lmanet.board.cores import core_named, cores
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.emulator.machine import model_of
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.firmware import Example, write_firmware
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.tflite import read_metadata, write_tflite
from lmanet.errors import DeployError
from lmanet.network import parse_architecture
from lmanet.network.graph import operators

pytestmark = pytest.mark.slow  # compiles

PROGRAM = Path(__file__).parents[1] / "run" / "two_steps"
# Uses every header that a project of C++ may include.
MAIN_CPP = """#include "camera.h"
#include "check.h"
#include "lmanet_kernels.h"
#include "network.h"
int main() {
    int8_t *const input = lmanet_input();
    for (int i = 0; i < LMANET_INPUT_BYTES; i++) input[i] = lmanet_check_image[i];
    for (int step = 0; step < lmanet_num_steps; step++) lmanet_step(step);
    int different = 0;
    for (int i = 0; i < LMANET_OUTPUT_BYTES; i++) different += lmanet_output()[i] != lmanet_check_logits[i];
    auto *volatile camera = &lmanet_input_from_rgb565;
    auto *volatile kernel = &lm_mean;
    return different + (camera == nullptr) + (kernel == nullptr) + (lmanet_classes[0][0] != 'p');
}
"""
# `none` is no board, and `bench` no real one.
TARGETS = sorted(
    path
    for path in (Path(__file__).parents[3] / "conf" / "target").glob("*.yaml")
    if path.stem not in ("none", "bench")
)
# Those that start without a file of the vendor.
BARE = [path for path in TARGETS if load_target(path).kit.bare]
SMALL = next(path for path in TARGETS if path.stem == "stm32f446")
needs_cmake = pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("arm-none-eabi-gcc")),
    reason="needs cmake and arm-none-eabi-gcc",
)


def target_of(path, **changes):
    return replace(load_target(path), **changes)


@pytest.fixture
def firmware(tmp_path):
    image = np.random.default_rng(0).integers(-128, 128, (4, 4, 3)).astype(np.int8)
    logits = (
        np.minimum(-image.astype(int), 127)
        .reshape(6, 8)
        .sum(axis=0)
        .clip(-128, 127)
        .astype(np.int8)
    )

    def write(target, wrong_logits=0):
        folder = tmp_path / target.name
        expected = logits.copy()
        expected[:wrong_logits] ^= 1
        write_firmware(folder, PROGRAM, target, Example(image, expected), arena_bytes=64)
        return folder

    return write


def link(folder, core, definitions=()):
    sources = [*sorted(folder.glob("*.c")), *sorted((folder / "network").glob("*.c"))]
    return toolchain_named("zig").link(
        sources, core, folder / "lmanet.ld", folder / "firmware.elf", definitions
    )


def cmake(folder):
    subprocess.run(["cmake", "-B", "build"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(
        ["cmake", "--build", "build"], cwd=folder, check=False, capture_output=True, text=True
    )


def run_from_reset(elf, target):
    """Value of lmanet_different_logits after start-up and main, in a machine that has no memory but
    the target's.
    """
    program = read_program(elf)
    machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    machine.ctl_set_cpu_model(
        getattr(unicorn.arm_const, f"UC_CPU_ARM_{model_of(target.core, 'unicorn')}")
    )
    flash = target.flash_address
    for region in [
        Region("flash", flash, target.flash_bytes),
        Region("core", 0xE0000000, 1 << 20),
        *target.regions,
    ]:
        machine.mem_map(region.address, region.bytes)
    for segment in program.segments:
        machine.mem_write(segment.address, segment.content)
    machine.mem_write(program.symbol("arena"), b"\xa5" * program.sizes.arena_bytes)
    stack, reset = np.frombuffer(machine.mem_read(flash, 8), "<u4").tolist()
    machine.reg_write(UC_ARM_REG_SP, stack)
    machine.emu_start(reset, 0, count=1_000_000)
    assert flash <= machine.reg_read(UC_ARM_REG_PC) < flash + target.flash_bytes
    return int.from_bytes(
        machine.mem_read(program.symbol("lmanet_different_logits"), 4), "little", signed=True
    )


@pytest.mark.parametrize("path", BARE, ids=lambda path: path.stem)
@pytest.mark.parametrize("wrong_logits", [0, 3])
def test_it_starts_from_reset_and_compares_the_logits(path, wrong_logits, firmware):
    target = target_of(path)
    elf = link(
        firmware(target, wrong_logits),
        target.core,
        ["-DLMANET_CACHES"] if target.has_caches else [],
    )
    assert run_from_reset(elf, target) == wrong_logits
    arena = read_program(elf).symbol("arena")
    assert (
        target.region.address + target.reserved_sram_bytes
        <= arena
        < target.region.address + target.region.bytes
    )


@needs_cmake
@pytest.mark.parametrize("name", ["stm32h743", "stm32f446"])
def test_cmake_builds_the_same(name, firmware):
    target = target_of(next(path for path in TARGETS if path.stem == name))
    folder = firmware(target)
    done = cmake(folder)
    assert done.returncode == 0
    assert "warning" not in done.stdout + done.stderr
    assert (folder / "build" / "firmware.bin").stat().st_size < 20_000
    assert run_from_reset(folder / "build" / "firmware.elf", target) == 0


def test_a_network_over_the_budget_does_not_link(firmware):
    def left(network_bytes):
        reserved = 524288 - 8192 - 34816 - network_bytes
        return target_of(
            next(path for path in TARGETS if path.stem == "stm32h743"), input_buffer_bytes=reserved
        )

    link(firmware(left(64)), "cortex-m7")
    with pytest.raises(DeployError, match="NETWORK"):
        link(firmware(left(48)), "cortex-m7")


@needs_cmake
def test_nor_by_cmake(firmware):
    done = cmake(firmware(target_of(SMALL, input_buffer_bytes=131072 - 4096 - 12288 - 48)))
    assert done.returncode != 0
    assert re.search(r"NETWORK.* overflowed by 16 bytes", done.stdout + done.stderr)


def test_nothing_is_left_open_in_what_is_written(firmware):
    target = target_of(next(path for path in TARGETS if path.stem == "stm32h743"))
    folder = firmware(target)
    for file in folder.rglob("*.*"):
        assert not re.search(r"@[A-Z_]+@", file.read_text())
    readme = (folder / "README.md").read_text()
    assert "64 bytes of RAM (limit: 327680)" in readme
    assert ">RAM_D1" in readme


def test_a_frame_is_cropped_scaled_and_looked_up(firmware, tmp_path):
    folder = firmware(target_of(SMALL)) / "network"
    library = ctypes.CDLL(
        str(toolchain_named("zig").compile_host(sorted(folder.glob("*.c")), tmp_path / "camera.so"))
    )
    library.lmanet_input.restype = ctypes.c_void_p
    frame = np.zeros((24, 32), np.uint16)
    # Squares of 6 pixels from column 4 on become one pixel each, their mean; the table of the
    # program knows 255 alone.
    frame[0:6, 4:10], frame[6:12, 16:22], frame[18:24, 22:28] = 31 << 11, 63 << 5, 31
    library.lmanet_input_from_rgb565(frame.ctypes.data_as(ctypes.c_void_p), 32, 24)
    expected = np.zeros((4, 4, 3), np.int8)
    expected[0, 0, 0], expected[1, 2, 1], expected[3, 3, 2] = 100, 101, 102
    np.testing.assert_array_equal(
        np.frombuffer(ctypes.string_at(library.lmanet_input(), 48), np.int8).reshape(4, 4, 3),
        expected,
    )


def readme_of(folder):
    return (folder / "README.md").read_text()


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.stem)
def test_the_readme_speaks_of_its_target_alone(path, firmware):
    target = target_of(path)
    readme = readme_of(firmware(target))
    core = core_named(target.core)
    for other in cores().values():
        assert other == core or not re.search(rf"\b{other.cmsis_name}\b", readme)
    for board in {board for other in TARGETS for board in target_of(other).kit.boards}:
        named = re.search(rf"\*\*{re.escape(board)}\*\*", readme)
        assert bool(named) == (board in target.kit.boards)
    for word in ("data cache", "SCB_InvalidateDCache_by_Addr", "caches on"):
        assert (word in readme) == target.has_caches, word
    assert (
        target.kit.full_clock in readme
        and f"{target.region.bytes - target.reserved_sram_bytes}" in readme
    )
    if target.kit.package:
        assert f"../packages/{target.kit.package}/" in readme and "STM32CubeIDE" not in readme
        assert ("cmake" in readme) == target.kit.bare
    else:
        assert ("DWT->LAR" in readme) == core.counter_locked
        assert f"({target.kit.reset_clock_mhz} MHz)" in readme
    width, height = map(
        int, re.search(r"lmanet_input_from_rgb565\(frame, (\d+), (\d+)\)", readme).groups()
    )
    assert 2 * width * height <= target.input_buffer_bytes
    assert not re.search(r"\n +\n", readme), "a line that says nothing"


@pytest.mark.parametrize(
    "path", [path for path in TARGETS if path not in BARE], ids=lambda path: path.stem
)
def test_a_part_that_needs_its_vendors_files_gets_no_program_that_cannot_start(path, firmware):
    folder = firmware(target_of(path))
    assert {each.name for each in folder.iterdir()} == {"network", "check.h", "README.md"}


def test_a_target_without_room_for_a_frame_or_words_about_it_has_a_readme_all_the_same(firmware):
    readme = readme_of(firmware(replace(load_target("bench"), name="bare", kit=Kit())))
    assert "no whole frame has room" in readme and "lmanet_input_from_rgb565(frame" not in readme
    assert "*Board Selector*: your board," in readme


def test_flash_begins_where_the_target_says(firmware):
    target = target_of(
        next(path for path in TARGETS if path.stem == "stm32f446"), flash_address=0x08020000
    )
    folder = firmware(target)
    assert "Flash begins at 0x8020000." in readme_of(folder)
    assert run_from_reset(link(folder, target.core), target) == 0


def test_a_board_in_a_strangers_words_ends_no_comment(firmware):
    words = "a board */ int x; /*\nEND { } @NAME@"
    target = target_of(
        SMALL,
        name="other",
        board=words,
        kit=Kit(boards=(words,), remark=words, full_clock=words),
    )
    assert run_from_reset(link(firmware(target), target.core), target) == 0


NETWORK = {
    "resolution": 9,
    "stages": [
        {
            "block": "depthwise",
            "channels": 4,
            "kernel": 3,
            "stride": 2,
            "expansion": 1,
            "se_ratio": 0.5,
            "skip": False,
        }
        | {"activation": "swish", "layers": 1}
    ],
}
NAMES = (
    "plain",
    'a "quoted" \\ name',
    "*/ int x; /*",
    "what??/",
    "two\nlines",
    "caf\u00e9 \u6f22",
    "10",
    "2",
    "%s // \\n",
    "#define x",
)


@pytest.fixture
def generated(integer_graph, tmp_path):
    """A generated network with names of classes from strangers, and its firmware."""
    graph = replace(integer_graph(operators(parse_architecture(NETWORK), len(NAMES))), labels=NAMES)
    plan = write_program(graph, tmp_path / "c")
    image = np.random.default_rng(0).integers(-128, 128, (1, 9, 9, 3)).astype(np.int8)
    library = toolchain_named("zig").compile_host_network(tmp_path / "c", tmp_path / "network.so")
    target = load_target("stm32f446")
    write_firmware(
        tmp_path / "f",
        tmp_path / "c",
        target,
        Example(image[0], HostNetwork(library).run(image)[0]),
        plan.arena_bytes,
    )
    return tmp_path / "f", library, target


def test_the_header_lists_the_classes_and_the_program_names_them(generated):
    folder, library, _ = generated
    names = (ctypes.c_char_p * len(NAMES)).in_dll(ctypes.CDLL(str(library)), "lmanet_classes")
    assert tuple(name.decode() for name in names) == NAMES
    header = (folder / "network" / "network.h").read_text(encoding="ascii")
    assert ' *   0 "plain"\n' in header and ' *   6 "10"\n *   7 "2"\n' in header
    assert header.count("*/") == header.count("/*")
    assert "`10` comes before `2`" in readme_of(folder)


def test_a_name_that_no_string_of_c_can_hold_is_marked(integer_graph, tmp_path):
    graph = replace(
        integer_graph(operators(parse_architecture(NETWORK), 2)), labels=("a\0b", "\udcff")
    )
    write_program(graph, tmp_path)
    assert '"a\\077b",\n    "\\077",' in (tmp_path / "network.c").read_text()
    assert read_metadata(write_tflite(graph, "run"))["labels"] == ["a\0b", "?"]


def test_each_logit_has_one_name(integer_graph, tmp_path):
    graph = replace(integer_graph(operators(parse_architecture(NETWORK), 3)), labels=("a", "b"))
    with pytest.raises(DeployError, match="2 names of classes were given for 3 logits"):
        write_program(graph, tmp_path)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++: apt-get install g++")
def test_a_program_in_cpp_links_with_the_network(generated, tmp_path):
    folder = generated[0]
    (tmp_path / "main.cpp").write_text(MAIN_CPP)
    flags = ["-Wall", "-Wextra", "-Werror", f"-I{folder}", f"-I{folder / 'network'}"]
    subprocess.run(
        ["cc", "-std=c11", *flags, "-c", *map(str, (folder / "network").glob("*.c"))],
        cwd=tmp_path,
        check=True,
    )
    objects = [path.name for path in tmp_path.glob("*.o")]
    subprocess.run(
        ["g++", "-std=c++11", *flags, "main.cpp", *objects, "-o", "program"],
        cwd=tmp_path,
        check=True,
    )
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 0


@pytest.mark.skipif(
    not shutil.which("arm-none-eabi-g++"),
    reason="needs arm-none-eabi-g++: apt-get install gcc-arm-none-eabi",
)
def test_the_firmware_in_cpp_links_and_runs(generated):
    folder, _, target = generated
    core = [f"-mcpu={target.core}", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"]
    flags = [
        *core,
        "-fno-tree-loop-distribute-patterns",
        "-ffunction-sections",
        "-fdata-sections",
        "-Inetwork",
        "-I.",
    ]
    sources = [
        "startup.c",
        "memory.c",
        *(f"network/{path.name}" for path in (folder / "network").glob("*.c")),
    ]
    subprocess.run(
        ["arm-none-eabi-gcc", "-std=c11", *flags, "-c", *sources], cwd=folder, check=True
    )
    subprocess.run(
        ["arm-none-eabi-g++", *flags, "-fno-exceptions", "-fno-rtti", "-x", "c++", "-c", "main.c"],
        cwd=folder,
        check=True,
    )
    objects = [path.name for path in folder.glob("*.o")]
    link = [
        "arm-none-eabi-g++",
        *core,
        "-nostdlib",
        "-T",
        "lmanet.ld",
        "-Wl,--gc-sections,-e,Reset_Handler",
    ]
    subprocess.run([*link, *objects, "-lgcc", "-o", "firmware.elf"], cwd=folder, check=True)
    assert run_from_reset(folder / "firmware.elf", target) == 0
