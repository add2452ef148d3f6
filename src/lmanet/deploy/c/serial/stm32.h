/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of STM32 boards share: pins, and the serial line that all families but F1, F2, F4
 * and L1 have (USART and LPUART of ST's reference manuals RM0385, RM0432 and RM0433).
 * Names: GPIO_TypeDef, USART_TypeDef and bits of ST's CMSIS headers. Values: also ST's SVDs of the
 * STM32F41x (pins) and STM32L4x5 (pins and line).
 */
#ifndef LMANET_STM32_H
#define LMANET_STM32_H

#include "counter.h"

enum { BITS_A_SECOND = 115200 };

/* Hand a pin of a port to a peripheral, by the number of its alternate function in the part's data
 * sheet. GPIO_TypeDef: MODER at 0x00, AFR[2] at 0x20; a mode of 2 is an alternate function. */
static inline void hand_pin(uint32_t port, uint32_t pin, uint32_t function) {
    volatile uint32_t *const moder = &REGISTER(port);
    volatile uint32_t *const afr = &REGISTER(port + 0x20 + pin / 8 * 4);
    const uint32_t place = pin % 8 * 4;
    *afr = (*afr & ~(15u << place)) | function << place;
    *moder = (*moder & ~(3u << 2 * pin)) | 2u << 2 * pin;
}

/* USART_TypeDef: from the peripheral's address on. */
enum { CR1 = 0x00, CR3 = 0x08, BRR = 0x0C, ISR = 0x1C, RDR = 0x24, TDR = 0x28 };
enum { CR1_UE = 1 << 0, CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR3_OVRDIS = 1 << 12 };
enum { ISR_RXNE = 1 << 5, ISR_TXE = 1 << 7 };

/* divider: as the manual computes BRR. A byte that nobody reads is lost, and stops nothing. */
static inline void start_line(uint32_t usart, uint32_t divider) {
    REGISTER(usart + BRR) = divider;
    REGISTER(usart + CR3) = CR3_OVRDIS;
    REGISTER(usart + CR1) = CR1_UE | CR1_TE | CR1_RE;
}

static inline int read_line(uint32_t usart) {
    return REGISTER(usart + ISR) & ISR_RXNE ? (int)(REGISTER(usart + RDR) & 0xFF) : -1;
}

static inline void write_line(uint32_t usart, uint8_t byte) {
    while (!(REGISTER(usart + ISR) & ISR_TXE)) {
    }
    REGISTER(usart + TDR) = byte;
}

#endif
