"""Both emulators on a program written by hand, right and wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lmanet.board.cores import cores
from lmanet.deploy.run.emulator import emulator_named
from lmanet.deploy.run.emulator.machine import core_for, model_of
from lmanet.deploy.run.emulator.qemu import INSTRUCTIONS_PER_TICK
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import ConfigError, DeployError, ToolError

pytestmark = pytest.mark.slow  # compiles and emulates

PROGRAM = Path(__file__).parent / "two_steps"
needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"),
    reason="needs qemu-system-arm: apt-get install qemu-system-arm",
)
# Each core in each emulator that has it.
WAYS = [
    pytest.param(core.name, name, marks=[needs_qemu] if name == "qemu" else [])
    for core in cores().values()
    for name in core.emulators
]
BOTH = ["unicorn", pytest.param("qemu", marks=needs_qemu)]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(-128, 128, (5, 48)).astype(np.int8)


@pytest.fixture
def variant(tmp_path):
    """The program with another body of its first step."""

    def build(body, core="cortex-m7"):
        folder = shutil.copytree(PROGRAM, tmp_path / "program")
        network = folder / "network.c"
        text = network.read_text()
        assert "lm_negate(arena, arena, LMANET_INPUT_BYTES);" in text
        network.write_text(text.replace("lm_negate(arena, arena, LMANET_INPUT_BYTES);", body))
        return toolchain_named("zig").compile(folder, core, tmp_path / "network.elf")

    return build


def expected(images):
    negated = np.minimum(-images.astype(int), 127)
    return negated.reshape(len(images), 6, 8).sum(axis=1).clip(-128, 127)


@pytest.mark.parametrize(("core", "emulator"), WAYS)
def test_outputs_are_those_of_the_arithmetic(emulator, core, images, tmp_path):
    elf = toolchain_named("zig").compile(PROGRAM, core, tmp_path / "network.elf")
    run = emulator_named(emulator).run(elf, images, core)
    np.testing.assert_array_equal(run.outputs, expected(images))
    assert len(run.step_instructions) == 2
    assert 256 <= run.stack_high_water_bytes <= 400  # an array of 256 bytes
    assert all(100 < count < 10_000 for count in run.step_instructions)


@needs_qemu
@pytest.mark.parametrize(
    "core", [core.name for core in cores().values() if len(core.emulators) == 2]
)
def test_the_two_emulators_count_alike(core, images, variant):
    loop = """{
        volatile float sum = 0;
        for (int i = 0; i < 40000; i++) { if (arena[i % 48] > 0) sum += (float)arena[i % 48]; else sum -= 1; }
        arena[0] = sum > 100 ? 1 : 2;
    }"""
    elf = variant(loop, core)
    unicorn, qemu = (emulator_named(name).run(elf, images, core) for name in ("unicorn", "qemu"))
    np.testing.assert_array_equal(unicorn.outputs, qemu.outputs)
    assert unicorn.stack_high_water_bytes == qemu.stack_high_water_bytes
    assert unicorn.step_instructions[0] > 400_000
    for exact, ticked in zip(unicorn.step_instructions, qemu.step_instructions, strict=True):
        assert abs(exact - ticked) <= INSTRUCTIONS_PER_TICK


@pytest.mark.parametrize("emulator", BOTH)
def test_a_fault_is_an_error_with_its_address(emulator, images, variant):
    elf = variant("*(volatile int *)0x70000004 = 1;")
    with pytest.raises(DeployError, match=r"pc=0x[0-9a-f]+, at the address 0x70000004"):
        emulator_named(emulator).run(elf, images)


@pytest.mark.parametrize(
    ("emulator", "body"),
    [
        ("unicorn", "for (volatile int i = 0;;) i++;"),
        ("unicorn", "((void (*)(void))0x20000101)();"),
    ],
)
def test_a_program_that_does_not_return_is_stopped(emulator, body, images, variant, monkeypatch):
    monkeypatch.setattr("lmanet.deploy.run.emulator.core.MAX_INSTRUCTIONS", 10**6)
    with pytest.raises(DeployError, match="did not return"):
        emulator_named(emulator).run(variant(body), images)


@needs_qemu
def test_qemu_is_stopped_by_the_clock(images, variant, monkeypatch):
    monkeypatch.setattr("lmanet.deploy.run.emulator.qemu.IMAGE_TIME_LIMIT_S", 0.2)
    with pytest.raises(ToolError, match="stopped after"):
        emulator_named("qemu").run(variant("for (volatile int i = 0;;) i++;"), images)


def test_other_inputs_and_emulators_are_refused(images, tmp_path):
    elf = toolchain_named("zig").compile(PROGRAM, "cortex-m7", tmp_path / "network.elf")
    for wrong in (images[:, :-1], images.astype(np.uint8), images[:0]):
        with pytest.raises(DeployError, match="48"):
            emulator_named("unicorn").run(elf, wrong)
    with pytest.raises(ConfigError, match="unicorn, qemu"):
        emulator_named("renode")
    with pytest.raises(ConfigError, match="cortex-m4, cortex-m55, cortex-m7"):
        emulator_named("unicorn").run(elf, images, "cortex-m1")


@pytest.mark.parametrize("emulator", BOTH)
def test_the_core_that_is_named_is_emulated(emulator, images, variant):
    """An M4 has no floating-point maximum, which an M7 has."""
    elf = variant(
        '__asm volatile(".short 0xfe80, 0x0a00" ::: "memory"); /* vmaxnm.f32 s0, s0, s0 */'
    )
    emulator_named(emulator).run(elf, images[:1], "cortex-m7")
    with pytest.raises(DeployError, match="failed at pc="):
        emulator_named(emulator).run(elf, images[:1], "cortex-m4")


def test_another_core_stands_in_where_an_emulator_has_none_of_the_kind():
    assert core_for("cortex-m55", "unicorn") == "cortex-m33"
    assert core_for("cortex-m55", "qemu") == "cortex-m55"
    assert core_for("xtensa-lx7", "unicorn") == "rv32imc"
    assert core_for("cortex-m7", "unicorn") == "cortex-m7"
    with pytest.raises(ConfigError, match="qemu does not emulate core=xtensa-lx7"):
        model_of(core_for("xtensa-lx7", "qemu"), "qemu")
