/* SPDX-License-Identifier: Apache-2.0
 *
 * The board that QEMU emulates: mps2-an385, -an386 and -an500, with the serial line and the timer of Arm's CMSDK (Arm DAI 0385, 0386
 * and 0500). Under -icount shift=0 an instruction takes a nanosecond: what it calls cycles are instructions.
 */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define TIMER_CONTROL REGISTER(0x40000000)
#define TIMER_VALUE REGISTER(0x40000004) /* counts down */
#define TIMER_RELOAD REGISTER(0x40000008)
#define LINE_DATA REGISTER(0x40004000)
#define LINE_STATE REGISTER(0x40004004)
#define LINE_CONTROL REGISTER(0x40004008)
#define LINE_DIVIDER REGISTER(0x40004010)
enum { IS_FULL = 1, HAS_BYTE = 2, BOTH_WAYS = 3, CYCLES_A_BIT = 16 };

const char lmanet_board_name[] = "QEMU mps2, emulated";
const uint8_t lmanet_board_emulated = 1;
const uint32_t lmanet_board_tick_hz = 25000000, lmanet_board_core_hz = 1000000000;

void lmanet_board_start(void) {
    TIMER_RELOAD = TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CONTROL = 1;
    LINE_DIVIDER = CYCLES_A_BIT;
    LINE_CONTROL = BOTH_WAYS;
}

int lmanet_board_read(void) { return LINE_STATE & HAS_BYTE ? (int)(LINE_DATA & 0xFF) : -1; }

void lmanet_board_write(uint8_t byte) {
    while (LINE_STATE & IS_FULL) {
    }
    LINE_DATA = byte;
}

uint32_t lmanet_board_ticks(void) { return ~TIMER_VALUE; }
