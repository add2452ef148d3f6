/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-H743ZI2: USART3 on PD8 and PD9, which the debugger shows as a serial port (ST UM2407; registers: RM0433; alternate function 7:
 * DS12110). Compiled, not run. It is not for the STM32H747I-DISCO, whose line has other pins.
 * The clock is that after a reset: 64 MHz, by the internal oscillator.
 */
#include "board.h"
#include "stm32.h"

#define RCC_AHB4ENR REGISTER(0x580244E0)
#define RCC_APB1LENR REGISTER(0x580244E8)
#define GPIOD 0x58020C00u
#define USART3 0x40004800u
enum { CLOCK_HZ = 64000000 };

const char lmanet_board_name[] = "NUCLEO-H743ZI2 at 64 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB4ENR |= 1u << 3;   /* port D */
    RCC_APB1LENR |= 1u << 18; /* USART3 */
    (void)RCC_AHB4ENR;        /* the writes have arrived */
    (void)RCC_APB1LENR;
    hand_pin(GPIOD, 8, 7);
    hand_pin(GPIOD, 9, 7);
    start_line(USART3, (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND);
    start_counter();
}

int lmanet_board_read(void) { return read_line(USART3); }

void lmanet_board_write(uint8_t byte) { write_line(USART3, byte); }

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
