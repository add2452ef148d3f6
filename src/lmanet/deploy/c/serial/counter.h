/* SPDX-License-Identifier: Apache-2.0
 *
 * The cycle counter (DWT) of a Cortex-M3 or later, as Arm's architecture manuals have it. A Cortex-M0+ has none.
 */
#ifndef LMANET_COUNTER_H
#define LMANET_COUNTER_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define DEMCR REGISTER(0xE000EDFC)
#define DWT_CTRL REGISTER(0xE0001000)
#define DWT_CYCCNT REGISTER(0xE0001004)
#define DWT_LAR REGISTER(0xE0001FB0)

static inline void start_counter(void) {
    DEMCR |= 1u << 24;     /* trace on */
    DWT_LAR = 0xC5ACCE55u; /* a Cortex-M7 keeps the counter locked */
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
}

#endif
