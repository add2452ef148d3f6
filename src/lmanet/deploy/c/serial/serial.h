/* SPDX-License-Identifier: Apache-2.0
 *
 * The firmware that is measured: what an application calls, and what frames and MLPerf Tiny's text commands share.
 */
#ifndef LMANET_SERIAL_H
#define LMANET_SERIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void lmanet_serve(void); /* answers over the line, without end */

uint64_t lmanet_microseconds(void); /* since the start */
void lmanet_run_counted(void);      /* the network, once; its ticks are those of lmanet_last_ticks */
extern uint32_t lmanet_last_ticks;

void lmanet_text_start(void);          /* says that the board is ready */
void lmanet_text_byte(uint8_t byte);   /* takes one byte that belongs to no frame */

#ifdef __cplusplus
}
#endif

#endif
