/* SPDX-License-Identifier: Apache-2.0
 *
 * NUCLEO-F446RE: USART2 on PA2 and PA3, which the debugger shows as a serial port.
 * Sources: pins, ST UM1724 and Zephyr's nucleo_f446re.dts; alternate function 7, DS10693 and
 * Zephyr's stm32f446r(c-e)tx-pinctrl.dtsi; all other names and values, ST's stm32f446xx.h (CMSIS)
 * and, of bits, ST's SVD of the STM32F41x.
 * Compiled, and run on QEMU's STM32F405; not run on this board.
 * The clock is that after a reset: 16 MHz, by the internal oscillator, with no wait state of the
 * flash (RM0390, RCC_CR and FLASH_ACR).
 */
#include "board.h"
#include "stm32.h"

#define RCC 0x40023800u                  /* RCC_BASE */
#define RCC_AHB1ENR REGISTER(RCC + 0x30) /* RCC_TypeDef */
#define RCC_APB1ENR REGISTER(RCC + 0x40) /* RCC_TypeDef */
#define GPIOA 0x40020000u                /* GPIOA_BASE */
#define USART2 0x40004400u               /* USART2_BASE */
/* USART_TypeDef: an older one than that of stm32.h. */
#define USART2_SR REGISTER(USART2 + 0x00)
#define USART2_DR REGISTER(USART2 + 0x04)
#define USART2_BRR REGISTER(USART2 + 0x08)
#define USART2_CR1 REGISTER(USART2 + 0x0C)
enum { RCC_AHB1ENR_GPIOAEN = 1 << 0, RCC_APB1ENR_USART2EN = 1 << 17 };
enum { USART_SR_RXNE = 1 << 5, USART_SR_TXE = 1 << 7 };
enum { USART_CR1_RE = 1 << 2, USART_CR1_TE = 1 << 3, USART_CR1_UE = 1 << 13 };
enum { CLOCK_HZ = 16000000 }; /* HSI_VALUE of system_stm32f4xx.c */

const char lmanet_board_name[] = "NUCLEO-F446RE at 16 MHz";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

void lmanet_board_start(void) {
    RCC_AHB1ENR |= RCC_AHB1ENR_GPIOAEN;
    RCC_APB1ENR |= RCC_APB1ENR_USART2EN;
    (void)RCC_APB1ENR; /* the write has arrived */
    hand_pin(GPIOA, 2, 7);
    hand_pin(GPIOA, 3, 7);
    USART2_BRR = (CLOCK_HZ + BITS_A_SECOND / 2) / BITS_A_SECOND; /* sixteenths of USARTDIV */
    USART2_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE;
    start_counter();
}

int lmanet_board_read(void) {
    return USART2_SR & USART_SR_RXNE ? (int)(USART2_DR & 0xFF) : -1;
}

void lmanet_board_write(uint8_t byte) {
    while (!(USART2_SR & USART_SR_TXE)) {
    }
    USART2_DR = byte;
}

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
