"""docs/how-to/add-a-board.md: one YAML file, no file of ours changed."""

import re

import pytest
import torch

import lmanet

pytestmark = pytest.mark.slow  # starts run.py


def test_a_search_holds_its_networks_against_the_board(follow):
    done = follow("add-a-board").type_command("budget.proposals=3")
    assert "target my_board" in done.stdout + done.stderr


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
