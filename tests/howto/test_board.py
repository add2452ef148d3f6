"""docs/how-to/add-a-board.md: one YAML file, no file of ours changed."""

import re

import pytest
import torch
import yaml

import lmanet
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.toolchain import toolchain_named

pytestmark = pytest.mark.slow  # starts run.py


def test_a_search_holds_its_networks_against_the_board(follow):
    done = follow("add-a-board").type_command("budget.proposals=3")
    assert "target my_board" in done.said


def test_the_board_of_the_page_leaves_what_its_comment_says(follow):
    reader = follow("add-a-board")
    path = reader.folder / "plugin/conf/target/my_board.yaml"
    sram, flash = re.findall(r"([\d,]+) bytes of", path.read_text())
    limits = lmanet.load_target(path).limits
    assert f"{limits['peak_sram_bytes']:,}" == sram and f"{limits['flash_bytes']:,}" == flash


def test_a_network_is_deployed_to_the_board(follow, tmp_path, make):
    target = lmanet.load_target(follow("add-a-board").folder / "plugin/conf/target/my_board.yaml")
    arch = make()
    network = lmanet.build(arch, num_classes=2).eval()
    lmanet.deploy(network, arch, torch.randn(4, 3, 32, 32), tmp_path / "out", target)
    readme = (tmp_path / "out/firmware/README.md").read_text()
    assert "NUCLEO-F411RE" in readme and "STM32F411RE" in readme


def test_a_board_of_another_maker_is_one_file_outside_the_package(follow, tmp_path, make):
    """An nRF52840: flash at 0, 256 KiB of RAM."""
    page = follow("add-a-board").folder / "plugin/conf/target/my_board.yaml"
    regions = [{"name": "RAM", "address": 0x20000000, "bytes": 262144}]
    changes = {"name": "mine", "board": "nRF52840 (Cortex-M4F, 64 MHz)", "clock_mhz": 64}
    changes |= {"regions": regions, "flash_address": 0, "flash_bytes": 1048576}
    path = page.with_name("mine.yaml")
    kit = {"boards": ["my nRF52840"], "package": "zephyr"}
    content = yaml.safe_load(page.read_text()) | changes | {"kit": kit}
    path.write_text(yaml.safe_dump(content))
    target, arch = lmanet.load_target(path), make()
    network = lmanet.build(arch, num_classes=2).eval()
    deployed = lmanet.deploy(network, arch, torch.randn(4, 3, 32, 32), tmp_path / "out", target)
    assert (deployed.target, deployed.packages) == ("mine", ("packages/zephyr",))
    assert (tmp_path / "out/packages/zephyr/lmanet/zephyr/module.yml").is_file()
    firmware = tmp_path / "out" / "firmware"
    sources = [*firmware.glob("*.c"), *(firmware / "network").glob("*.c")]
    elf = toolchain_named("zig").link(
        sources, target.core, firmware / "lmanet.ld", tmp_path / "mine.elf"
    )
    program = read_program(elf)
    assert min(segment.address for segment in program.segments) == 0
    assert 0x20000000 < program.symbol("arena") < 0x20000000 + 262144
