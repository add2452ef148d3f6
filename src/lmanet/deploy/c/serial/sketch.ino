/* SPDX-License-Identifier: Apache-2.0
 *
 * Any board of the Arduino IDE, measured over Serial by lmanet's stage measure; a tick is a
 * microsecond. Where the menu Tools has an entry Optimize, choose -O2.
 * Sources: Arduino's reference; F_CPU and names of boards, platform.txt of arduino-pico and of
 * arduino-esp32. Built and run against a stand-in of Arduino, not on a board.
 */
#include "board.h"
#include "serial.h"

#ifndef LMANET_CORE_HZ
#ifdef F_CPU
#define LMANET_CORE_HZ F_CPU
#elif defined(ARDUINO_ARCH_NRF52840) /* Arduino's core for Mbed OS defines no F_CPU */
#define LMANET_CORE_HZ 64000000
#else
#error "Say what your board's core runs at, in hertz: #define LMANET_CORE_HZ above this line."
#endif
#endif

#ifdef BOARD_NAME /* arduino-pico */
const char lmanet_board_name[] = "Arduino, " BOARD_NAME;
#elif defined(ARDUINO_BOARD) /* arduino-esp32 */
const char lmanet_board_name[] = "Arduino, " ARDUINO_BOARD;
#else
const char lmanet_board_name[] = "Arduino";
#endif
const uint8_t lmanet_board_emulated = 0;
const uint32_t lmanet_board_tick_hz = 1000000, lmanet_board_core_hz = LMANET_CORE_HZ;

void lmanet_board_start(void) {
    Serial.begin(115200);
    while (!Serial) { /* a line over USB: what is sent before it is opened would be lost */
    }
}

int lmanet_board_read(void) {
    const int byte = Serial.read();
#ifdef ARDUINO_ARCH_ESP32
    if (byte < 0) delay(1); /* other tasks must run now and then, or the watchdog ends this one */
#endif
    return byte;
}

void lmanet_board_write(uint8_t byte) {
    Serial.write(byte);
}

uint32_t lmanet_board_ticks(void) {
    return micros();
}

void setup() {
    lmanet_serve();
}

void loop() {}
