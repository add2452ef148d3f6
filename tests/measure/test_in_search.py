"""Candidates of a search are made, flashed by a tool, and measured: the board is QEMU."""

import os
import shlex
import shutil
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lmanet.board import load_target
from lmanet.deploy import BoardPrograms, Settings
from lmanet.errors import BoardError, ConfigError
from lmanet.measure import Bench, CandidateMeasurer
from lmanet.measure.emulated import QEMU, EmulatedBoard
from lmanet.steps import BoardProgram

TARGET = load_target("stm32f446")
TOOL = Path(__file__).with_name("flash.py")


def measurer(bench, source="mps2", target=TARGET):
    firmware = partial(BoardPrograms, settings=Settings(), source=source, text=False)
    return CandidateMeasurer(target, 4, bench, firmware)


@pytest.fixture
def link(tmp_path, monkeypatch):
    """The name that the board's line has, whatever process is behind it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    yield tmp_path / "board"
    if (kept := tmp_path / "board.pid").exists():
        with suppress(ProcessLookupError):
            os.kill(int(kept.read_text()), signal.SIGKILL)


@pytest.mark.slow  # compiles and emulates
@pytest.mark.skipif(not shutil.which(QEMU), reason=f"{QEMU} is not here")
def test_a_candidate_is_flashed_by_a_command_and_measured(small, link, tmp_path):
    flash = shlex.join([sys.executable, str(TOOL), "{elf}", "{port}"])
    one = measurer(Bench(str(link), timeout_s=10, flash=flash, runs=3))
    one.require()
    found, program = one.prepare(small, tmp_path / "of it")
    for _ in range(2):  # the second takes the place of the first
        figures = one.measure(program)
        assert figures.network == program.network and len(figures.cycles) == 4
        assert figures.instructions == found.measured_instructions


@pytest.mark.parametrize(
    ("bench", "words"),
    [
        (Bench(None), r"measure\.port is not set"),
        (Bench("/dev/ttyX"), r"measure\.flash is null"),
        (Bench("/dev/ttyX", flash="no-such-tool {elf}"), "no-such-tool is not installed"),
        (Bench("/dev/ttyX", flash="true {elf} {more}"), "no other braces"),
        (Bench("/dev/ttyX", flash="true {elf.name}"), "no other braces"),
        (Bench("/dev/ttyX", flash="true {chip}"), r"needs measure\.chip"),
        (Bench("/dev/ttyX", flash="true 'open"), "no other braces"),
    ],
)
def test_a_bench_that_cannot_work_is_named_before_the_first_network(bench, words):
    with pytest.raises(ConfigError, match=words):
        measurer(bench).require()


def test_a_board_that_is_not_known_needs_its_file(tmp_path):
    with pytest.raises(
        ConfigError, match=r"neither one of mps2, nrf52840dk, .*, stm32l4r5 nor a C file"
    ):
        measurer(Bench("qemu"), source=str(tmp_path / "gone.c"))


def test_a_core_without_an_emulated_board_is_named(monkeypatch):
    monkeypatch.setattr("lmanet.measure.emulated.MACHINES", ("mps2-an500",))
    with pytest.raises(ConfigError, match="emulates no board with core=cortex-m4; legal are cor"):
        EmulatedBoard("cortex-m4")


def test_a_tool_that_fails_is_told_in_its_words(tmp_path):
    bench = Bench("/dev/ttyX", flash="sh -c 'echo no probe found; exit 3' {elf}")
    image = np.zeros((1, 1), np.int8)
    program = BoardProgram("0" * 16, tmp_path, tmp_path / "x.elf", image, image, 1)
    with pytest.raises(BoardError, match="ended with status 3: no probe found") as caught:
        bench.measure(program, "cortex-m4")
    assert caught.value.status == "not_flashed"
