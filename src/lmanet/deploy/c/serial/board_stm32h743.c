/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-H743ZI2: USART3 on PD8 and PD9, which the debugger shows as a serial port. It is not for
 * the STM32H747I-DISCO, whose line has other pins.
 * Sources: pins, ST UM2407 and Zephyr's nucleo_h743zi.dts; alternate function 7, DS12110 and
 * Zephyr's stm32h743zitx-pinctrl.dtsi; all other names and values, ST's stm32h743xx.h (CMSIS) and,
 * of the RCC, Zephyr's stm32h7.dtsi.
 * Compiled, not run.
 * The clock is that after a reset: 64 MHz, by the internal oscillator (RM0433, RCC_CR; flash waits
 * enough, FLASH_ACR). The line has that clock, too (RCC_D2CCIP2R after a reset).
 */
#include "board.h"
#include "stm32.h"

#define RCC 0x58024400u                   /* RCC_BASE */
#define RCC_AHB4ENR REGISTER(RCC + 0xE0)  /* RCC_TypeDef */
#define RCC_APB1LENR REGISTER(RCC + 0xE8) /* RCC_TypeDef */
#define GPIOD 0x58020C00u                 /* GPIOD_BASE */
#define USART3 0x40004800u                /* USART3_BASE */
enum { RCC_AHB4ENR_GPIODEN = 1 << 3, RCC_APB1LENR_USART3EN = 1 << 18 };
enum { CLOCK_HZ = 64000000 }; /* HSI_VALUE of system_stm32h7xx.c */

const char lmanet_board_name[] = "NUCLEO-H743ZI2 at 64 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB4ENR |= RCC_AHB4ENR_GPIODEN;
    RCC_APB1LENR |= RCC_APB1LENR_USART3EN;
    (void)RCC_AHB4ENR; /* the writes have arrived */
    (void)RCC_APB1LENR;
    hand_pin(GPIOD, 8, 7);
    hand_pin(GPIOD, 9, 7);
    start_line(USART3, (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND);
    start_counter();
}

int lmanet_board_read(void) { return read_line(USART3); }

void lmanet_board_write(uint8_t byte) { write_line(USART3, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
