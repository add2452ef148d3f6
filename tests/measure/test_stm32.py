"""The board file of an STM32F446 on QEMU's STM32F405, whose USART is the same block."""

import shutil

import pytest

from lmanet.deploy.write.serial import board_source
from lmanet.measure import emulated
from lmanet.measure.emulated import ALONE, QEMU, EmulatedBoard
from lmanet.measure.line import Line
from lmanet.measure.session import Session

pytestmark = pytest.mark.slow  # compiles and emulates
# QEMU has no cycle counter of a Cortex-M4, so that ticks are looks at it. One look is one tick: the
# second for which a board waits for the rest of a frame must not end while this machine is busy.
COUNTER = """#define LMANET_COUNTER_H
#include <stdint.h>
#define REGISTER(address) (*(volatile uint32_t *)(address))
static uint32_t turns;
#define DWT_CYCCNT (++turns)
static inline void start_counter(void) {}
"""


def test_it_answers_over_the_usart_of_an_emulated_stm32f405(
    programs_of, small, tmp_path, monkeypatch
):
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not here")
    programs = programs_of("stm32f446")
    text = board_source("stm32f446").read_text().replace("emulated = 0", "emulated = 1")
    programs.source = tmp_path / "board.c"
    programs.source.write_text(COUNTER + text)
    program = programs.of_candidate(small, tmp_path / "firmware")[1]
    # the second serial line is USART2
    monkeypatch.setattr(emulated, "ALONE", (*ALONE, "-serial", "null"))
    board = EmulatedBoard("cortex-m4")
    board.machine = "netduinoplus2"
    try:
        board.flash(program.elf)
        with Line(board.port, 115200) as line:
            figures = Session(line, program, timeout_s=20).measure(runs=3)
    finally:
        board.close()
    assert figures.board == "NUCLEO-F446RE at 16 MHz" and figures.images == 4
