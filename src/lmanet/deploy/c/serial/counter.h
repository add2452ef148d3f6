/* SPDX-License-Identifier: Apache-2.0
 *
 * The cycle counter (DWT) of a Cortex-M3 or later. A Cortex-M0+ has none.
 * Sources: Arm's architecture manuals of Armv7-M and Armv8-M; names and values, CMSIS core_cm7.h
 * (CoreDebug_BASE, DWT_BASE and their structs).
 */
#ifndef LMANET_COUNTER_H
#define LMANET_COUNTER_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define DEMCR REGISTER(0xE000EDF0 + 0x0C) /* CoreDebug_BASE */
#define DEMCR_TRCENA (1u << 24)
#define DWT 0xE0001000u /* DWT_BASE */
#define DWT_CTRL REGISTER(DWT + 0x000)
#define DWT_CTRL_CYCCNTENA 1u
#define DWT_CYCCNT REGISTER(DWT + 0x004)
#define DWT_LAR REGISTER(DWT + 0xFB0)
#define DWT_LAR_KEY 0xC5ACCE55u /* CoreSight's: Arm IHI 0029, lock access register */

static inline void start_counter(void) {
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_KEY; /* a Cortex-M7 keeps the counter locked */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

#endif
