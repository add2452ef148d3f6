/* SPDX-License-Identifier: Apache-2.0
 *
 * The boards that QEMU emulates: mps2-an385, -an386, -an500 (Arm DAI 0385, 0386 and 0500), mps2-an505 (DAI 0505) and mps3-an547 (DAI
 * 0547), with the serial line of Arm's CMSDK. The last two start in their secure state, and have all devices at its addresses. Under
 * -icount shift=0 an instruction takes a nanosecond: what it calls cycles are instructions.
 */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#if defined(__ARM_ARCH_8_1M_MAIN__) || defined(__ARM_FEATURE_MVE) /* mps3-an547: a Cortex-M55, and the counter of its SSE-300 */
#define LINE 0x59303000u
#define TICK_HZ 32000000
static void start_ticks(void) { REGISTER(0x58100000) = 1; }
static uint32_t ticks(void) { return REGISTER(0x58101000); }
#else
#ifdef __ARM_ARCH_8M_MAIN__ /* mps2-an505: a Cortex-M33 */
#define LINE 0x50200000u
#define TIMER 0x50000000u
#define TICK_HZ 20000000
#else
#define LINE 0x40004000u
#define TIMER 0x40000000u
#define TICK_HZ 25000000
#endif
/* A timer of the CMSDK, which counts down. */
static void start_ticks(void) {
    REGISTER(TIMER + 8) = REGISTER(TIMER + 4) = 0xFFFFFFFFu; /* reload, value */
    REGISTER(TIMER) = 1;
}
static uint32_t ticks(void) { return ~REGISTER(TIMER + 4); }
#endif

#define LINE_DATA REGISTER(LINE)
#define LINE_STATE REGISTER(LINE + 4)
#define LINE_CONTROL REGISTER(LINE + 8)
#define LINE_DIVIDER REGISTER(LINE + 16)
enum { IS_FULL = 1, HAS_BYTE = 2, BOTH_WAYS = 3, CYCLES_A_BIT = 16 };

const char lmanet_board_name[] = "QEMU mps2, emulated";
const uint8_t lmanet_board_emulated = 1;
const uint32_t lmanet_board_tick_hz = TICK_HZ, lmanet_board_core_hz = 1000000000;

void lmanet_board_start(void) {
    start_ticks();
    LINE_DIVIDER = CYCLES_A_BIT;
    LINE_CONTROL = BOTH_WAYS;
}

int lmanet_board_read(void) { return LINE_STATE & HAS_BYTE ? (int)(LINE_DATA & 0xFF) : -1; }

void lmanet_board_write(uint8_t byte) {
    while (LINE_STATE & IS_FULL) {
    }
    LINE_DATA = byte;
}

uint32_t lmanet_board_ticks(void) { return ticks(); }
