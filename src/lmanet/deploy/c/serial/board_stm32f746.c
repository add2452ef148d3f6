/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F746G-DISCO: USART1 on PA9 and PB7, which the debugger shows as a serial port (ST UM1907; registers: RM0385; alternate function
 * 7: DS10916). Compiled, not run.
 * The clock is that after a reset: 16 MHz, by the internal oscillator, with no wait state of the flash.
 */
#include "board.h"
#include "stm32.h"

#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB2ENR REGISTER(0x40023844)
#define GPIOA 0x40020000u
#define GPIOB 0x40020400u
#define USART1 0x40011000u
enum { CLOCK_HZ = 16000000 };

const char lmanet_board_name[] = "STM32F746G-DISCO at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB1ENR |= 1u | 1u << 1; /* ports A and B */
    RCC_APB2ENR |= 1u << 4;      /* USART1 */
    (void)RCC_APB2ENR;           /* the write has arrived */
    hand_pin(GPIOA, 9, 7);
    hand_pin(GPIOB, 7, 7);
    start_line(USART1, (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND);
    start_counter();
}

int lmanet_board_read(void) { return read_line(USART1); }

void lmanet_board_write(uint8_t byte) { write_line(USART1, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
