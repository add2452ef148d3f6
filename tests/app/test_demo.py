"""`lmanet demo`: a trained network on one picture, what that costs, and the boards that it fits."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
import torch
from PIL import Image

from lmanet.app.demo import PICTURE, demo
from lmanet.board.target import TARGETS, load_target
from lmanet.errors import ConfigError
from lmanet.network import compact
from lmanet.network.build import build
from lmanet.network.weights import Checkpoint, save_network


@pytest.fixture
def shipped(make, tmp_path, monkeypatch):
    """A network that takes bright pictures for snow and dark ones for night, and ships."""
    network = build(make({"channels": 8}), num_classes=2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
        linear = network[-1].get_submodule("linear.linear")
        linear.weight[0], linear.weight[1] = 1, -1
        linear.bias.zero_()
    save_network(
        tmp_path / "small.safetensors",
        Checkpoint(network, ("snow", "night"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        "int8",
    )
    monkeypatch.setattr(compact, "SHIPPED", tmp_path)
    return tmp_path


def test_it_tells_class_cost_and_every_real_board(typed, shipped):
    shown = typed("demo").output
    assert "Network: small, 2 classes" in shown and "snow" in shown.split("says the network:")[1]
    assert "M MACs" in shown and "parameters" in shown
    boards = {path.stem for path in TARGETS.glob("*.yaml")} - {"none", "bench"}
    after = shown.split("Where it fits")[1].splitlines()[1:]
    lines = [line.split() for line in after if line.startswith("  ")][: len(boards)]
    assert {line[0] for line in lines} == boards and all(line[1] == "fits" for line in lines)
    assert max(map(len, shown.splitlines()[2:])) <= 80


def test_a_picture_of_ones_own_is_shown_to_a_network_of_ones_own(shipped, tmp_path):
    Image.new("RGB", (40, 30), "white").save(tmp_path / "mine.png")
    lines = list(demo([str(tmp_path / "small.safetensors"), str(tmp_path / "mine.png")]))
    assert "says the network: snow " in lines[2]


def test_a_picture_or_a_network_that_is_not_there_is_said_before_anything_else(shipped, typed):
    for arguments, says in (
        (["small", "gone.png"], "there is no picture gone.png; name a file that is there"),
        (["gone.ckpt"], "no checkpoint at gone.ckpt; name a file that is there"),
    ):
        ended = typed("demo", *arguments)
        assert (ended.code, ended.output, ended.error) == (1, "", f"error: {says}\n")


def test_a_network_that_is_too_large_does_not_fit(make, shipped):
    large = build(make({"channels": 320, "layers": 3, "expansion": 6}), num_classes=2).eval()
    save_network(
        shipped / "large.ckpt", Checkpoint(large, ("a", "b"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    )
    shown = "\n".join(demo([str(shipped / "large.ckpt")]))
    small = min(
        (load_target(path.stem) for path in TARGETS.glob("stm32*.yaml")),
        key=lambda board: board.limits["peak_sram_bytes"],
    )
    assert f"  {small.name:<17} no  " in shown


@pytest.mark.slow  # starts a program
def test_it_ends_quietly_where_its_reader_leaves():
    script = Path(__file__).parents[2] / "run.py"
    with Popen([sys.executable, script, "demo"], stdout=PIPE, stderr=PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 0


def test_where_none_is_shipped_it_says_so_in_one_sentence(typed, tmp_path, monkeypatch):
    monkeypatch.setattr(compact, "SHIPPED", tmp_path)
    ended = typed("demo")
    assert ended.code == 1 and "comes without a trained network" in ended.error
    assert len(ended.error.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["a", "b", "c"], ["--help"]])
def test_what_it_does_not_take_is_refused(arguments):
    with pytest.raises(ConfigError, match="a network and a picture, or neither"):
        list(demo(arguments))


def test_its_picture_comes_with_the_package():
    with Image.open(PICTURE) as picture:
        assert picture.size == (128, 128)
    assert PICTURE.stat().st_size < 50_000
