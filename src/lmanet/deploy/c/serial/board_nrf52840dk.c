/* SPDX-License-Identifier: Apache-2.0
 *
 * nRF52840-DK: UART0 on P0.06 and P0.08, which the debugger shows as a serial port (Nordic's product specification of the nRF52840, the
 * deprecated UART; pins: user guide of the DK, and Zephyr's nrf52840dk). Compiled, not run.
 * The core has 64 MHz, by the crystal; the instruction cache is on.
 */
#include "board.h"
#include "counter.h"

#define TASKS_HFCLKSTART REGISTER(0x40000000)
#define EVENTS_HFCLKSTARTED REGISTER(0x40000100)
#define P0_OUTSET REGISTER(0x50000508)
#define P0_DIRSET REGISTER(0x50000518)
#define P0_PIN_CNF(pin) REGISTER(0x50000700u + 4u * (pin))
#define UART0_STARTRX REGISTER(0x40002000)
#define UART0_STARTTX REGISTER(0x40002008)
#define UART0_RXDRDY REGISTER(0x40002108)
#define UART0_TXDRDY REGISTER(0x4000211C)
#define UART0_ENABLE REGISTER(0x40002500)
#define UART0_PSEL_TXD REGISTER(0x4000250C)
#define UART0_PSEL_RXD REGISTER(0x40002514)
#define UART0_RXD REGISTER(0x40002518)
#define UART0_TXD REGISTER(0x4000251C)
#define UART0_BAUDRATE REGISTER(0x40002524)
#define NVMC_ICACHECNF REGISTER(0x4001E540)
enum { CLOCK_HZ = 64000000, TX = 6, RX = 8, ENABLED = 4, PULL_UP = 3 << 2 };
#define BAUD_115200 0x01D7E000u

const char lmanet_board_name[] = "nRF52840-DK";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

static int sending; /* a byte is on its way */

void lmanet_board_start(void) {
    TASKS_HFCLKSTART = 1;
    while (!EVENTS_HFCLKSTARTED) {
    }
    NVMC_ICACHECNF = 1;
    P0_OUTSET = 1u << TX;
    P0_DIRSET = 1u << TX;
    P0_PIN_CNF(RX) = PULL_UP; /* an input, connected */
    UART0_PSEL_TXD = TX;
    UART0_PSEL_RXD = RX;
    UART0_BAUDRATE = BAUD_115200;
    UART0_ENABLE = ENABLED;
    UART0_STARTTX = 1;
    UART0_STARTRX = 1;
    start_counter();
}

int lmanet_board_read(void) {
    if (!UART0_RXDRDY) return -1;
    UART0_RXDRDY = 0; /* before the byte is taken, or the event of the next one would be cleared */
    return (int)(UART0_RXD & 0xFF);
}

void lmanet_board_write(uint8_t byte) {
    while (sending && !UART0_TXDRDY) {
    }
    UART0_TXDRDY = 0;
    UART0_TXD = byte;
    sending = 1;
}

uint32_t lmanet_board_ticks(void) { return DWT_CYCCNT; }
