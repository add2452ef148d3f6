"""The ready board files on registers that others describe: of each STM32 those of Zephyr's device
trees, of the nRF52840 QEMU's nRF51, whose UART is the same block.
"""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import pytest
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_SP

from lmanet.board import load_target
from lmanet.deploy.run.elf import Program, read_program
from lmanet.deploy.run.toolchain import SUPPORT, toolchain_named
from lmanet.measure.emulated import ALONE, QEMU

pytestmark = pytest.mark.slow  # compiles and emulates
ECHO = """#include "board.h"
int main(void) {
    lmanet_board_start();
    for (;;) {
        const int byte = lmanet_board_read();
        if (byte >= 0) lmanet_board_write((uint8_t)(byte + 1));
    }
}
"""
SCRIPT = """MEMORY {{
    FLASH (rx) : ORIGIN = {flash:#x}, LENGTH = 64K
    RAM (rw) : ORIGIN = 0x20000000, LENGTH = 16K
}}
SECTIONS {{
    .text : {{ KEEP(*(.isr_vector)) *(.text* .rodata*) . = ALIGN(8); }} > FLASH
    lmanet_data_load = LOADADDR(.data);
    .data : {{ lmanet_data_start = .; *(.data*) . = ALIGN(8); }} > RAM AT > FLASH
    lmanet_data_end = ADDR(.data) + SIZEOF(.data);
    .bss : {{ lmanet_bss_start = .; *(.bss* COMMON) . = ALIGN(8); lmanet_bss_end = .; }} > RAM
    lmanet_stack_top = 0x20004000;
    /DISCARD/ : {{ *(.ARM.exidx*) *(.ARM.extab*) *(.comment) }}
}}
"""
RAM, PERIPHERALS, CORE = (0x20000000, 0x4000), (0x40000000, 0x20000000), (0xE0000000, 0x100000)
# USART registers by name: offset, in the layout of an F4 and in that of all others.
OLD = {"state": 0x00, "taken": 0x04, "sent": 0x04, "divider": 0x08, "control": 0x0C}
NEW = {"state": 0x1C, "taken": 0x24, "sent": 0x28, "divider": 0x0C, "control": 0x00}
HAS_BYTE, IS_EMPTY = 1 << 5, 1 << 7
# What turns a line, its receiver and its sender on.
OLD_ON, NEW_ON = 1 << 13 | 1 << 2 | 1 << 3, 1 << 0 | 1 << 2 | 1 << 3


@dataclass(frozen=True)
class Tree:
    """What the device tree of a board says.

    Attributes:
        line, ports: addresses.
        clocks: address -> where its clock is turned on: offset in the RCC, and bit.
        pins: port, pin and alternate function of the line, the sending pin first.
        hz: of the line, once the board has started.
        fractions: parts of a clock that the line's divider counts.
    """

    rcc: int
    line: int
    clocks: dict[int, tuple[int, int]]
    pins: tuple[tuple[int, int, int], ...]
    hz: int
    fractions: int = 1
    layout: dict[str, int] = field(default_factory=lambda: NEW)


TREES = {
    "stm32f446": Tree(  # nucleo_f446re: &usart2, usart2_tx_pa2, usart2_rx_pa3
        0x40023800,
        0x40004400,
        {0x40020000: (0x30, 0), 0x40004400: (0x40, 17)},
        ((0x40020000, 2, 7), (0x40020000, 3, 7)),
        16_000_000,
        layout=OLD,
    ),
    "stm32f746": Tree(  # stm32f746g_disco: &usart1, usart1_tx_pa9, usart1_rx_pb7
        0x40023800,
        0x40011000,
        {0x40020000: (0x30, 0), 0x40020400: (0x30, 1), 0x40011000: (0x44, 4)},
        ((0x40020000, 9, 7), (0x40020400, 7, 7)),
        16_000_000,
    ),
    "stm32h743": Tree(  # nucleo_h743zi: &usart3, usart3_tx_pd8, usart3_rx_pd9
        0x58024400,
        0x40004800,
        {0x58020C00: (0xE0, 3), 0x40004800: (0xE8, 18)},
        ((0x58020C00, 8, 7), (0x58020C00, 9, 7)),
        64_000_000,
    ),
    "stm32l4r5": Tree(  # nucleo_l4r5zi: &lpuart1, lpuart1_tx_pg7, lpuart1_rx_pg8
        0x40021000,
        0x40008000,
        {0x48001800: (0x4C, 6), 0x40008000: (0x5C, 0), 0x40007000: (0x58, 28)},
        ((0x48001800, 7, 8), (0x48001800, 8, 8)),
        16_000_000,
        256,
    ),
}


class Registers:
    """The peripherals of a board: what is not clocked is refused, and a byte that is sent comes in
    as the next one to take.
    """

    def __init__(self, tree: Tree, first: int) -> None:
        self.tree, self.values = tree, {}
        self.sent: list[int] = []
        self.coming: list[int] = [first]

    def value(self, address: int, offset: int = 0) -> int:
        return self.values.get(address + offset, 0)

    def read(self, _: Uc, offset: int, size: int, __: object) -> int:
        address = self._reached(offset, size)
        tree, layout = self.tree, self.tree.layout
        if address == tree.line + layout["state"]:
            return IS_EMPTY | (HAS_BYTE if self.coming and self.is_on else 0)
        if address == tree.line + layout["taken"]:
            return self.coming.pop(0)
        if (
            tree.line == 0x40008000
        ):  # an L4: its oscillator is ready, and the clock switched, at once
            oscillator, switch = self.value(tree.rcc), self.value(tree.rcc, 0x08) & 3
            special = {tree.rcc: oscillator | (oscillator & 1 << 8) << 2}
            special[tree.rcc + 0x08] = switch | (switch << 2 if oscillator & 1 << 8 else 0)
            return special.get(address, self.value(address))
        return self.value(address)

    def write(self, uc: Uc, offset: int, size: int, value: int, _: object) -> None:
        address = self._reached(offset, size)
        if address != self.tree.line + self.tree.layout["sent"]:
            self.values[address] = value
            return
        assert self.is_on, "a byte is sent over a line that is off"
        self.sent.append(value)
        self.coming.append(value)
        if len(self.sent) == 3:
            uc.emu_stop()

    @property
    def is_on(self) -> bool:
        on = OLD_ON if self.tree.layout is OLD else NEW_ON
        return self.value(self.tree.line, self.tree.layout["control"]) & on == on

    def _reached(self, offset: int, size: int) -> int:
        address = PERIPHERALS[0] + offset
        assert size == 4 and address % 4 == 0
        if self.tree.rcc <= address < self.tree.rcc + 0x400:
            return address
        clock = next(self.tree.clocks[b] for b in self.tree.clocks if b <= address < b + 0x400)
        assert self.value(self.tree.rcc, clock[0]) >> clock[1] & 1, f"{address:#x} has no clock"
        return address


def echo(board: str, core: str, flash: int, folder: Path) -> Program:
    """A program that sends each byte back, one more; linked with what is in front of a network."""
    sources = [folder / "echo.c", SUPPORT / "serial" / f"board_{board}.c"]
    sources[0].write_text(ECHO)
    script, elf = folder / "echo.ld", folder / "echo.elf"
    script.write_text(SCRIPT.format(flash=flash))
    start = [SUPPORT / "startup.c", SUPPORT / "memory.c"]
    toolchain_named("zig").link([*sources, *start], core, script, elf)
    return read_program(elf)


@pytest.mark.parametrize("board", TREES)
def test_an_stm32_talks_by_the_registers_of_its_device_tree(board, tmp_path):
    target, tree = load_target(board), TREES[board]
    program = echo(board, target.core, target.flash_address, tmp_path)
    registers = Registers(tree, first=0x41)
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.mem_map(target.flash_address, 0x10000)
    for start, size in (RAM, CORE):
        uc.mem_map(start, size)
    uc.mmio_map(*PERIPHERALS, registers.read, None, registers.write, None)
    for segment in program.segments:
        uc.mem_write(segment.address, segment.content)
    uc.reg_write(UC_ARM_REG_SP, RAM[0] + RAM[1])
    uc.emu_start(program.symbol("Reset_Handler") | 1, 0, count=200_000)
    assert registers.sent == [0x42, 0x43, 0x44]
    for port, pin, function in tree.pins:
        assert registers.value(port) >> 2 * pin & 3 == 2  # an alternate function
        assert registers.value(port, 0x20 + pin // 8 * 4) >> pin % 8 * 4 & 15 == function
    divider = registers.value(tree.line, tree.layout["divider"])
    assert abs(tree.fractions * tree.hz / divider / 115200 - 1) < 0.005
    if tree.layout is NEW:
        assert registers.value(tree.line, 0x08) >> 12 & 1  # OVRDIS: a lost byte stops nothing
    text = f"at {tree.hz // 1_000_000} MHz"
    assert text in (SUPPORT / "serial" / f"board_{board}.c").read_text()
    if board == "stm32l4r5":
        assert registers.value(0x40007000, 0x04) >> 9 & 1  # IOSV: the supply of PG2 to PG15


def test_an_nrf52840_talks_over_the_uart_of_qemus_nrf51(tmp_path):
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not here")
    echo("nrf52840dk", "cortex-m0plus", 0, tmp_path)
    machine = [QEMU, "-M", "microbit", *ALONE, "-serial", "stdio"]
    with subprocess.Popen(
        [*machine, "-kernel", str(tmp_path / "echo.elf")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as board:
        silent = Timer(20, board.kill)
        silent.start()
        try:
            for byte in b"AXz":  # one after the other: the UART keeps six
                board.stdin.write(bytes([byte]))
                board.stdin.flush()
                assert board.stdout.read(1) == bytes([byte + 1])
        finally:
            silent.cancel()
            board.kill()
