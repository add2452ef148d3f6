/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F746G-DISCO: USART1 on PA9 and PB7, which the debugger shows as a serial port.
 * Sources: pins, ST UM1907 and Zephyr's stm32f746g_disco.dts; alternate function 7, DS10916 and
 * Zephyr's stm32f746nghx-pinctrl.dtsi; all other names and values, ST's stm32f746xx.h (CMSIS) and,
 * of the RCC, Zephyr's stm32f7.dtsi.
 * Compiled, not run.
 * The clock is that after a reset: 16 MHz, by the internal oscillator, with no wait state of the
 * flash (RM0385, RCC_CR and FLASH_ACR). The line has that clock, too (RCC_DCKCFGR2 after a reset).
 */
#include "board.h"
#include "stm32.h"

#define RCC 0x40023800u                  /* RCC_BASE */
#define RCC_AHB1ENR REGISTER(RCC + 0x30) /* RCC_TypeDef */
#define RCC_APB2ENR REGISTER(RCC + 0x44) /* RCC_TypeDef */
#define GPIOA 0x40020000u                /* GPIOA_BASE */
#define GPIOB 0x40020400u                /* GPIOB_BASE */
#define USART1 0x40011000u               /* USART1_BASE */
enum { RCC_AHB1ENR_GPIOAEN = 1 << 0, RCC_AHB1ENR_GPIOBEN = 1 << 1 };
enum { RCC_APB2ENR_USART1EN = 1 << 4 };
enum { CLOCK_HZ = 16000000 }; /* HSI_VALUE of system_stm32f7xx.c */

const char lmanet_board_name[] = "STM32F746G-DISCO at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR; /* the write has arrived */
    hand_pin(GPIOA, 9, 7);
    hand_pin(GPIOB, 7, 7);
    start_line(USART1, (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND);
    start_counter();
}

int lmanet_board_read(void) { return read_line(USART1); }

void lmanet_board_write(uint8_t byte) { write_line(USART1, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
