"""Firmware of a program written by hand: compiled, linked against real memory maps, and run from reset on an emulated core."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import unicorn
import yaml
from unicorn.arm_const import UC_ARM_REG_PC, UC_ARM_REG_SP, UC_CPU_ARM_CORTEX_M7

from lmanet.deploy.elf import read_program
from lmanet.deploy.firmware import write_firmware
from lmanet.deploy.toolchain import toolchain_named
from lmanet.errors import DeployError
from lmanet.space import Region
from lmanet.validate import Target

PROGRAM = Path(__file__).parent / "two_steps"
TARGETS = sorted((Path(__file__).parents[2] / "conf" / "target").glob("stm32*.yaml"))
needs_cmake = pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("arm-none-eabi-gcc")), reason="needs cmake and arm-none-eabi-gcc"
)


def target_of(path, **changes):
    values = {key: value for key, value in yaml.safe_load(path.read_text()).items() if key != "_target_"} | changes
    values["regions"] = [Region(**{key: value for key, value in region.items() if key != "_target_"}) for region in values["regions"]]
    return Target(**values)


@pytest.fixture
def firmware(tmp_path):
    image = np.random.default_rng(0).integers(-128, 128, (4, 4, 3)).astype(np.int8)
    logits = np.minimum(-image.astype(int), 127).reshape(6, 8).sum(axis=0).clip(-128, 127).astype(np.int8)

    def write(target, wrong_logits=0):
        folder = tmp_path / target.name
        expected = logits.copy()
        expected[:wrong_logits] ^= 1
        write_firmware(folder, PROGRAM, target, image, expected)
        return folder

    return write


def link(folder, core, definitions=()):
    sources = [*sorted(folder.glob("*.c")), *sorted((folder / "network").glob("*.c"))]
    return toolchain_named("zig").link(sources, core, folder / "lmanet.ld", folder / "firmware.elf", definitions)


def cmake(folder):
    subprocess.run(["cmake", "-B", "build"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["cmake", "--build", "build"], cwd=folder, check=False, capture_output=True, text=True)


def run_from_reset(elf, target):
    """Value of lmanet_different_logits after start-up and main, in a machine that has no memory but the target's."""
    program = read_program(elf)
    machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    machine.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M7)
    for region in [Region("flash", 0x08000000, target.flash_bytes), Region("core", 0xE0000000, 1 << 20), *target.regions]:
        machine.mem_map(region.address, region.bytes)
    for segment in program.segments:
        machine.mem_write(segment.address, segment.content)
    machine.mem_write(program.symbol("arena"), b"\xa5" * program.sizes.arena_bytes)
    stack, reset = np.frombuffer(machine.mem_read(0x08000000, 8), "<u4").tolist()
    machine.reg_write(UC_ARM_REG_SP, stack)
    machine.emu_start(reset, 0, count=100_000)
    assert 0x08000000 <= machine.reg_read(UC_ARM_REG_PC) < 0x08000000 + target.flash_bytes
    return int.from_bytes(machine.mem_read(program.symbol("lmanet_different_logits"), 4), "little", signed=True)


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.stem)
@pytest.mark.parametrize("wrong_logits", [0, 3])
def test_it_starts_from_reset_and_compares_the_logits(path, wrong_logits, firmware):
    target = target_of(path)
    elf = link(firmware(target, wrong_logits), target.core, ["-DLMANET_CACHES"] if target.core == "cortex-m7" else [])
    assert run_from_reset(elf, target) == wrong_logits
    arena = read_program(elf).symbol("arena")
    assert target.region.address + target.reserved_sram_bytes <= arena < target.region.address + target.region.bytes


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
        return target_of(next(path for path in TARGETS if path.stem == "stm32h743"), input_buffer_bytes=reserved)

    link(firmware(left(64)), "cortex-m7")
    with pytest.raises(DeployError, match="NETWORK"):
        link(firmware(left(48)), "cortex-m7")


@needs_cmake
def test_nor_by_cmake(firmware):
    done = cmake(firmware(target_of(TARGETS[0], input_buffer_bytes=131072 - 4096 - 12288 - 48)))
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
    folder = firmware(target_of(TARGETS[0])) / "network"
    library = ctypes.CDLL(str(toolchain_named("zig").compile_host(sorted(folder.glob("*.c")), tmp_path / "camera.so")))
    library.lmanet_input.restype = ctypes.c_void_p
    frame = np.zeros((24, 32), np.uint16)
    # Squares of 6 pixels from column 4 on become one pixel each, their mean; the table of the program knows 255 alone.
    frame[0:6, 4:10], frame[6:12, 16:22], frame[18:24, 22:28] = 31 << 11, 63 << 5, 31
    library.lmanet_input_from_rgb565(frame.ctypes.data_as(ctypes.c_void_p), 32, 24)
    expected = np.zeros((4, 4, 3), np.int8)
    expected[0, 0, 0], expected[1, 2, 1], expected[3, 3, 2] = 100, 101, 102
    np.testing.assert_array_equal(np.frombuffer(ctypes.string_at(library.lmanet_input(), 48), np.int8).reshape(4, 4, 3), expected)


def test_a_board_without_room_is_refused(tmp_path):
    class Full:
        name, board, core, flash_bytes = "full", "a board", "cortex-m7", 1 << 20
        region = Region("SRAM", 0x20000000, 1024)
        regions = (region,)
        stack_bytes, reserved_sram_bytes = 512, 1024

    with pytest.raises(DeployError, match=r"conf/target/full\.yaml"):
        write_firmware(tmp_path, PROGRAM, Full(), np.zeros(48, np.int8), np.zeros(8, np.int8))
