/* SPDX-License-Identifier: Apache-2.0
 *
 * Any board of the Arduino IDE, measured over Serial by lmanet's stage measure; a tick is a
 * microsecond. Where the menu Tools has an entry Optimize, choose -O2.
 * Sources: Arduino's reference; F_CPU and ARDUINO_ARCH_..., platform.txt and boards.txt of
 * arduino-pico, arduino-esp32, ArduinoCore-mbed. Run against a stand-in of Arduino, not on a board.
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

#if defined(PICO_RP2350) && PICO_RP2350 /* pico-sdk's, in arduino-pico */
const char lmanet_board_name[] = "Arduino, RP2350";
#elif defined(ARDUINO_ARCH_RP2040)
const char lmanet_board_name[] = "Arduino, RP2040";
#elif defined(ARDUINO_ARCH_NRF52840)
const char lmanet_board_name[] = "Arduino, nRF52840";
#elif defined(CONFIG_IDF_TARGET) /* ESP-IDF's, in arduino-esp32 */
const char lmanet_board_name[] = "Arduino, " CONFIG_IDF_TARGET;
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
