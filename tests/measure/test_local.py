"""The file of a board whose cycles were measured: it grows by networks, and is a target."""

import pytest

from lmanet.board import load_target
from lmanet.errors import ConfigError
from lmanet.measure.local import learn
from lmanet.run.measurement import BoardMeasurement


def figures(network="a", cycles=1200, **changes):
    usual = {"board": "my board", "emulated": False, "core_mhz": 180.0, "images": 1}
    return BoardMeasurement(
        cycles=(cycles,), instructions=1000, network=network, seconds=1.0, **usual | changes
    )


@pytest.fixture
def target():
    return load_target("stm32f446")


def test_three_networks_make_an_estimate_of_that_board(target, tmp_path):
    for network, cycles in (("a", 1200), ("b", 1250), ("c", 1150)):
        path = learn(target, figures(network, cycles), tmp_path)
    made = load_target(path)
    assert made.measured.ratio == pytest.approx(1.2) and made.measured_is_enough
    assert made.limits == target.limits and made.regions == target.regions
    assert made.kit == target.kit and made.c_options == target.c_options
    assert "3 networks at 180 MHz, 1.200 cycles an instruction, each within" in path.read_text()


def test_a_network_that_is_measured_again_counts_once(target, tmp_path):
    learn(target, figures(cycles=1200), tmp_path)
    path = learn(target, figures(cycles=1300), tmp_path)
    (point,) = load_target(path).measured.networks
    assert point.cycles == 1300


def test_the_clock_of_the_file_is_that_of_the_board(target, tmp_path):
    path = learn(target, figures(core_mhz=16.0), tmp_path)
    assert load_target(path).clock_mhz == 16


def test_an_emulator_has_a_file_of_its_own(target, tmp_path):
    assert learn(target, figures(emulated=True), tmp_path).name == "stm32f446-emulated.yaml"


def test_a_target_that_was_fitted_stays_as_it_is(target, tmp_path):
    path = learn(target, figures(), tmp_path)
    before = path.read_bytes()
    assert learn(load_target(path), figures("b"), tmp_path) is None
    assert path.read_bytes() == before


@pytest.mark.parametrize("changes", [{"board": "another"}, {"core_mhz": 90.0}])
def test_figures_of_another_board_or_clock_are_not_mixed(target, tmp_path, changes):
    learn(target, figures(), tmp_path)
    with pytest.raises(ConfigError, match=r"move the file, or set measure\.local"):
        learn(target, figures("b", **changes), tmp_path)


def test_a_file_of_the_user_is_not_overwritten(target, tmp_path):
    source = (tmp_path / "stm32f446.yaml").write_text(
        "\n".join(f"{key}: {value}" for key, value in MINE.items())
    )
    assert source
    with pytest.raises(ConfigError, match="was not written by the stage measure"):
        learn(target, figures(), tmp_path)


MINE = {
    "name": "stm32f446",
    "board": "mine",
    "core": "cortex-m4",
    "clock_mhz": 100,
    "runtime": "c_static",
    "regions": "[{name: SRAM, address: 0x20000000, bytes: 100000}]",
    "stack_bytes": 1000,
    "runtime_sram_bytes": 1000,
    "input_buffer_bytes": 1000,
    "flash_bytes": 100000,
    "runtime_flash_bytes": 1000,
    "macs": 1000000,
}
