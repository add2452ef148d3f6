/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8, which the debugger shows as a serial port.
 * Sources: pins, ST UM2179 and Zephyr's nucleo_l4r5zi.dts; alternate function 8, DS12023 and
 * Zephyr's stm32l4r5z(g-i)tx-pinctrl.dtsi; all other names, ST's CMSIS header of the L4+; their
 * values, Zephyr's stm32l4.dtsi and stm32l4p5.dtsi, and ST's SVD of the STM32L4x5, which agree.
 * Compiled, not run.
 * After a reset the core has 4 MHz. Here it takes the internal oscillator of 16 MHz, which needs no
 * wait state of the flash in range 1 (RM0432, FLASH_ACR). The line has that clock, too (RCC_CCIPR
 * after a reset).
 */
#include "board.h"
#include "stm32.h"

#define RCC 0x40021000u                   /* RCC_BASE */
#define RCC_CR REGISTER(RCC + 0x00)       /* RCC_TypeDef, as the next ones */
#define RCC_CFGR REGISTER(RCC + 0x08)
#define RCC_AHB2ENR REGISTER(RCC + 0x4C)
#define RCC_APB1ENR1 REGISTER(RCC + 0x58)
#define RCC_APB1ENR2 REGISTER(RCC + 0x5C)
#define PWR_CR2 REGISTER(0x40007000 + 0x04) /* PWR_BASE, PWR_TypeDef */
#define GPIOG 0x48001800u                   /* GPIOG_BASE */
#define LPUART1 0x40008000u                 /* LPUART1_BASE */
enum { RCC_CR_HSION = 1 << 8, RCC_CR_HSIRDY = 1 << 10 };
enum { RCC_CFGR_SW = 3, RCC_CFGR_SW_HSI = 1, RCC_CFGR_SWS = 3 << 2, RCC_CFGR_SWS_HSI = 1 << 2 };
enum { RCC_AHB2ENR_GPIOGEN = 1 << 6, RCC_APB1ENR1_PWREN = 1 << 28, RCC_APB1ENR2_LPUART1EN = 1 };
enum { PWR_CR2_IOSV = 1 << 9 };
enum { CLOCK_HZ = 16000000 }; /* HSI_VALUE of system_stm32l4xx.c */

const char lmanet_board_name[] = "NUCLEO-L4R5ZI at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

static void start_clock(void) {
    RCC_CR |= RCC_CR_HSION;
    while (!(RCC_CR & RCC_CR_HSIRDY)) {
    }
    RCC_CFGR = (RCC_CFGR & ~(uint32_t)RCC_CFGR_SW) | RCC_CFGR_SW_HSI;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_HSI) {
    }
}

void lmanet_board_start(void) {
    start_clock();
    RCC_AHB2ENR |= RCC_AHB2ENR_GPIOGEN;
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWREN;
    RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1EN;
    (void)RCC_APB1ENR1; /* the write has arrived */
    /* PG2 to PG15 have a supply of their own, which is isolated until it is said to be there. */
    PWR_CR2 |= PWR_CR2_IOSV;
    hand_pin(GPIOG, 7, 8);
    hand_pin(GPIOG, 8, 8);
    /* An LPUART counts in 256ths of a clock (RM0432, LPUART_BRR). */
    start_line(LPUART1, (uint32_t)((256ull * CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND));
    start_counter();
}

int lmanet_board_read(void) { return read_line(LPUART1); }

void lmanet_board_write(uint8_t byte) { write_line(LPUART1, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
