/* SPDX-License-Identifier: Apache-2.0
 *
 * What a board gives to the firmware that is measured over a serial line: one C file that defines what stands here.
 */
#ifndef LMANET_BOARD_H
#define LMANET_BOARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const char lmanet_board_name[];      /* printable ASCII, at most 60 characters */
extern const uint8_t lmanet_board_emulated; /* 1 on an emulator, whose time is no board's */
extern const uint32_t lmanet_board_tick_hz; /* of lmanet_board_ticks */
extern const uint32_t lmanet_board_core_hz; /* clock of the core while the network runs */

void lmanet_board_start(void);         /* once, before all else: clock, serial line (8N1), counter */
int lmanet_board_read(void);           /* the next byte of the line, 0 to 255; -1 where none is there yet */
void lmanet_board_write(uint8_t byte); /* waits until the line takes it */
uint32_t lmanet_board_ticks(void);     /* counts up, and goes on at 0 after 2^32 - 1 */

#ifdef __cplusplus
}
#endif

#endif
