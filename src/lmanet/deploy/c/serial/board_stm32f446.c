/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-F446RE: USART2 on PA2 and PA3, which the debugger shows as a serial port (ST UM1724; registers: RM0390; alternate function 7:
 * DS10693). Compiled, and run on QEMU's STM32F405; not run on this board.
 * The clock is that after a reset: 16 MHz, by the internal oscillator, with no wait state of the flash.
 */
#include "board.h"
#include "stm32.h"

#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB1ENR REGISTER(0x40023840)
#define GPIOA 0x40020000u
/* An older USART than that of stm32.h. */
#define USART2_SR REGISTER(0x40004400)
#define USART2_DR REGISTER(0x40004404)
#define USART2_BRR REGISTER(0x40004408)
#define USART2_CR1 REGISTER(0x4000440C)
enum { CLOCK_HZ = 16000000, SR_RXNE = 1 << 5, SR_TXE = 1 << 7, OLD_CR1_UE_TE_RE = 1 << 13 | 1 << 3 | 1 << 2 };

const char lmanet_board_name[] = "NUCLEO-F446RE at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB1ENR |= 1u;       /* port A */
    RCC_APB1ENR |= 1u << 17; /* USART2 */
    (void)RCC_APB1ENR;       /* the write has arrived */
    hand_pin(GPIOA, 2, 7);
    hand_pin(GPIOA, 3, 7);
    USART2_BRR = (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND;
    USART2_CR1 = OLD_CR1_UE_TE_RE;
    start_counter();
}

int lmanet_board_read(void) { return USART2_SR & SR_RXNE ? (int)(USART2_DR & 0xFF) : -1; }

void lmanet_board_write(uint8_t byte) {
    while (!(USART2_SR & SR_TXE)) {
    }
    USART2_DR = byte;
}

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
