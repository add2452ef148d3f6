"""docs/how-to/add-a-core.md: a Cortex-M0, with no file of ours changed."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from lmanet.board import load_target
from lmanet.board.cores import cores, load_core
from lmanet.cost.latency import estimated_latency_ms, latency_ms
from lmanet.deploy.run.emulator import emulator_named
from lmanet.deploy.run.emulator.machine import model_of
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import ConfigError

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "deploy" / "run" / "two_steps"


@pytest.fixture
def core_file(follow):
    """The page's, which names no QEMU: its boards of this core have too little memory."""
    yield follow("add-a-core").folder / "plugin" / "cores" / "cortex-m0.yaml"
    cores().pop("cortex-m0", None)


def test_latency_is_estimated(core_file):
    load_core(core_file)
    assert latency_ms(160_000_000, "cortex-m0", 160) == (1000, 2500)
    assert latency_ms(160_000_000, "cortex-m0", 160, "tflm") == (1100, 2900)
    # where instructions are estimated, it runs more of them than a Cortex-M7
    assert estimated_latency_ms(160_000_000, "cortex-m0", 160) == pytest.approx((3900, 25000))


@pytest.mark.slow
def test_a_program_is_compiled_and_emulated(core_file, tmp_path):
    core = load_core(core_file).name
    elf = toolchain_named("zig").compile(PROGRAM, core, tmp_path / "network.elf")
    image = np.arange(48, dtype=np.int8)[None]
    run = emulator_named("unicorn").run(elf, image, core)
    known = toolchain_named("zig").compile(PROGRAM, "cortex-m7", tmp_path / "m7.elf")
    usual = emulator_named("unicorn").run(known, image, "cortex-m7")
    np.testing.assert_array_equal(run.outputs, usual.outputs)
    assert min(run.step_instructions) > 0


def test_an_emulator_without_the_core_says_which_has_it(core_file):
    load_core(core_file)
    with pytest.raises(
        ConfigError, match="qemu does not emulate core=cortex-m0; of this core legal are unicorn"
    ):
        model_of("cortex-m0", "qemu")


def test_a_board_names_the_file_of_its_core(core_file, tmp_path):
    content = yaml.safe_load((ROOT / "conf" / "target" / "stm32f446.yaml").read_text())
    path = tmp_path / "my_board.yaml"
    path.write_text(yaml.safe_dump({**content, "core": str(core_file), "name": "my_board"}))
    target = load_target(path)
    assert (target.core, target.platform.core, target.has_caches) == (*("cortex-m0",) * 2, False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: cortex-m0", "name: Cortex M33", "name: "),
        ("  gcc:", "  clang:", "gcc is missing, which builds the firmware"),
        ("c_static: [1.0, 2.5]", "c_static: [2.5, 1.0]", "c_static: the lowest, 2.5, is above"),
        ("c_static: [1.0, 2.5]", "", "cycles.c_static: Field required"),
        ("[3.9, 10.0]", "[10.0, 3.9]", "instructions: .*the lowest, 10.0, is above"),
        ("architecture: arm", "architecture: avr", "architecture: "),
        ("emulators:", "emulator:", "emulator: Extra inputs"),
        ("name: cortex-m0", "name: [", "is no YAML"),
    ],
)
def test_what_is_wrong_with_a_core_is_said(old, new, message, core_file):
    text = core_file.read_text()
    assert old in text
    core_file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message) as error:
        load_core(core_file)
    assert core_file.name in str(error.value) and "write it like" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        load_core(tmp_path / "none.yaml")
