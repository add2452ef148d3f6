/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8, which the debugger shows as a serial port (ST UM2179; registers: RM0432; alternate function 8:
 * DS12023). Compiled, not run.
 * After a reset the core has 4 MHz; here it takes the internal oscillator of 16 MHz, which needs no wait state of the flash.
 */
#include "board.h"
#include "stm32.h"

#define RCC_CR REGISTER(0x40021000)
#define RCC_CFGR REGISTER(0x40021008)
#define RCC_AHB2ENR REGISTER(0x4002104C)
#define RCC_APB1ENR1 REGISTER(0x40021058)
#define RCC_APB1ENR2 REGISTER(0x4002105C)
#define PWR_CR2 REGISTER(0x40007004)
#define GPIOG 0x48001800u
#define LPUART1 0x40008000u
enum { CLOCK_HZ = 16000000, CR_HSION = 1 << 8, CR_HSIRDY = 1 << 10, CFGR_SW = 3, CFGR_SWS = 3 << 2, HSI16 = 1 };

const char lmanet_board_name[] = "NUCLEO-L4R5ZI at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

static void start_clock(void) {
    RCC_CR |= CR_HSION;
    while (!(RCC_CR & CR_HSIRDY)) {
    }
    RCC_CFGR = (RCC_CFGR & ~(uint32_t)CFGR_SW) | HSI16;
    while ((RCC_CFGR & CFGR_SWS) != HSI16 << 2) {
    }
}

void lmanet_board_start(void) {
    start_clock();
    RCC_AHB2ENR |= 1u << 6;   /* port G */
    RCC_APB1ENR1 |= 1u << 28; /* power control */
    RCC_APB1ENR2 |= 1u;       /* LPUART1 */
    (void)RCC_APB1ENR1;       /* the write has arrived */
    PWR_CR2 |= 1u << 9;       /* PG2 to PG15 have a supply of their own, which is isolated until it is said to be there */
    hand_pin(GPIOG, 7, 8);
    hand_pin(GPIOG, 8, 8);
    start_line(LPUART1, (uint32_t)((256ull * CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND));
    start_counter();
}

int lmanet_board_read(void) { return read_line(LPUART1); }

void lmanet_board_write(uint8_t byte) { write_line(LPUART1, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
