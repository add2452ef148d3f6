/* SPDX-License-Identifier: Apache-2.0
 *
 * nRF52840-DK: UART0 on P0.06 and P0.08, which the debugger shows as a serial port.
 * Sources: pins, user guide of the DK and Zephyr's nrf52840dk_nrf52840-pinctrl.dtsi; all other
 * names and values, Nordic's nrf52840.svd (MDK), where UART0 is the older UART without DMA.
 * Compiled, not run.
 * The core has 64 MHz, by the crystal; the instruction cache is on.
 */
#include "board.h"
#include "counter.h"

#define CLOCK 0x40000000u /* baseAddress, here and below */
#define TASKS_HFCLKSTART REGISTER(CLOCK + 0x000)
#define EVENTS_HFCLKSTARTED REGISTER(CLOCK + 0x100)
#define P0 0x50000000u
#define P0_OUTSET REGISTER(P0 + 0x508)
#define P0_DIRSET REGISTER(P0 + 0x518)
#define P0_PIN_CNF(pin) REGISTER(P0 + 0x700 + 4u * (pin))
#define UART0 0x40002000u
#define UART0_STARTRX REGISTER(UART0 + 0x000)
#define UART0_STARTTX REGISTER(UART0 + 0x008)
#define UART0_RXDRDY REGISTER(UART0 + 0x108)
#define UART0_TXDRDY REGISTER(UART0 + 0x11C)
#define UART0_ENABLE REGISTER(UART0 + 0x500)
#define UART0_PSEL_TXD REGISTER(UART0 + 0x50C)
#define UART0_PSEL_RXD REGISTER(UART0 + 0x514)
#define UART0_RXD REGISTER(UART0 + 0x518)
#define UART0_TXD REGISTER(UART0 + 0x51C)
#define UART0_BAUDRATE REGISTER(UART0 + 0x524)
#define NVMC_ICACHECNF REGISTER(0x4001E000 + 0x540) /* NVMC */
enum { ENABLE_ENABLED = 4, PIN_CNF_PULL_PULLUP = 3 << 2, ICACHECNF_CACHEEN = 1 };
#define BAUDRATE_BAUD115200 0x01D7E000u
enum { CLOCK_HZ = 64000000, TX = 6, RX = 8 };

const char lmanet_board_name[] = "nRF52840-DK";
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = CLOCK_HZ, lmanet_board_core_hz = CLOCK_HZ;

static int sending; /* a byte is on its way */

void lmanet_board_start(void) {
    TASKS_HFCLKSTART = 1;
    while (!EVENTS_HFCLKSTARTED) {
    }
    NVMC_ICACHECNF = ICACHECNF_CACHEEN;
    P0_OUTSET = 1u << TX;
    P0_DIRSET = 1u << TX;
    P0_PIN_CNF(RX) = PIN_CNF_PULL_PULLUP; /* an input, connected: both are 0 */
    UART0_PSEL_TXD = TX;
    UART0_PSEL_RXD = RX;
    UART0_BAUDRATE = BAUDRATE_BAUD115200;
    UART0_ENABLE = ENABLE_ENABLED;
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
