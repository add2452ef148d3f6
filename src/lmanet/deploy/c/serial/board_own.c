/* SPDX-License-Identifier: Apache-2.0
 *
 * A Cortex-M of your own: fill in the serial line, name and clock. Ticks are cycles of the core, by its counter (DWT). The example is
 * of STM32Cube's HAL, whose generated code has set clock and line up before; a Cortex-M0+ has no such counter: take a timer.
 */
#include "board.h"
#include "counter.h"

/* #include "main.h"
 * extern UART_HandleTypeDef huart2; */

const char lmanet_board_name[] = "my board";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = 180000000, lmanet_board_core_hz = 180000000; /* what yours runs at */

void lmanet_board_start(void) { start_counter(); }

int lmanet_board_read(void) {
    /* return huart2.Instance->SR & USART_SR_RXNE ? (int)(huart2.Instance->DR & 0xFF) : -1; */
    return -1;
}

void lmanet_board_write(uint8_t byte) {
    /* while (!(huart2.Instance->SR & USART_SR_TXE)) {}
     * huart2.Instance->DR = byte; */
    (void)byte;
}

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
