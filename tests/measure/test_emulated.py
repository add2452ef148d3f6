"""Every core with an emulated board is measured over its serial line, bit for bit."""

import shutil

import pytest

from lmanet.board import load_target
from lmanet.board.cores import cores
from lmanet.deploy import BoardPrograms, Settings
from lmanet.measure.emulated import MACHINES, QEMU, EmulatedBoard
from lmanet.measure.line import Line
from lmanet.measure.session import Session

pytestmark = pytest.mark.slow  # compiles and emulates
# A board of each core; those of the other cores have tests of their own.
BOARDS = {"cortex-m33": "stm32u575", "cortex-m55": "stm32n657", "cortex-m7": "stm32h743"}


def test_every_machine_is_that_of_a_core():
    assert {each.measured_machine for each in cores().values()} - {""} == set(MACHINES)


@pytest.mark.parametrize("core", BOARDS)
def test_a_network_is_measured_on_the_emulated_board_of_its_core(core, small, tmp_path):
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not here")
    target = load_target(BOARDS[core])
    assert target.core == core
    programs = BoardPrograms(target, 4, Settings(), "mps2")
    measured, program = programs.of_candidate(small, tmp_path)
    board = EmulatedBoard(core)
    try:
        board.flash(program.elf)
        with Line(board.port, 115200) as line:
            figures = Session(line, program, timeout_s=20).measure(runs=4)
    finally:
        board.close()
    assert figures.emulated and figures.images == 4
    # an instruction a cycle; another core stands in for the M55 where instructions are counted
    rel = 0.5 if core == "cortex-m55" else 0.02
    assert figures.cycles[0] == pytest.approx(measured.measured_instructions, rel=rel)
