/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware that is measured over a serial line: it takes an image, runs the network once, and gives ticks and logits back.
 *
 * A frame: A5 5A, kind, number, bytes of the content (4, the lowest first), content, CRC-32 of all between A5 5A and itself. The
 * board answers with the number that it was sent. A byte outside of a frame goes to the text commands. A frame whose bytes stop
 * coming for a second is dropped, so that the next one is understood.
 */
#include "serial.h"

#include "board.h"
#include "identity.h"
#include "network.h"

enum { FIRST = 0xA5, SECOND = 0x5A, VERSION = 1 };
enum { HELLO = 0x01, RUN = 0x02, ANSWER = 0x80, STARTED = 0xC0, REFUSED = 0xC1 };
enum { BAD_SUM = 1, BAD_LENGTH = 2, BAD_KIND = 3 };
enum { EMULATED = 1, TEXT = 2 };
#define MOST_BYTES (1u << 24) /* of a frame that is read to its end, to be refused */

uint32_t lmanet_last_ticks;
static uint32_t runs, sum, seen_ticks;
static uint64_t all_ticks;

static void count_ticks(void) {
    const uint32_t now = lmanet_board_ticks();
    all_ticks += (uint32_t)(now - seen_ticks);
    seen_ticks = now;
}

uint64_t lmanet_microseconds(void) {
    count_ticks();
    const uint32_t hz = lmanet_board_tick_hz;
    return all_ticks / hz * 1000000u + all_ticks % hz * 1000000u / hz;
}

void lmanet_run_counted(void) {
    const uint32_t before = lmanet_board_ticks();
    lmanet_run();
    lmanet_last_ticks = lmanet_board_ticks() - before;
    runs++;
    count_ticks();
}

static void add_to_sum(uint8_t byte) {
    sum ^= byte;
    for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (0xEDB88320u & -(sum & 1));
}

/* The next byte of a frame; -1 where none has come for a second. */
static int next_byte(void) {
    for (uint32_t start = lmanet_board_ticks(); lmanet_board_ticks() - start < lmanet_board_tick_hz;) {
        const int byte = lmanet_board_read();
        if (byte >= 0) {
            add_to_sum((uint8_t)byte);
            return byte;
        }
    }
    return -1;
}

static int next_word(uint32_t *word) {
    *word = 0;
    for (int shift = 0; shift < 32; shift += 8) {
        const int byte = next_byte();
        if (byte < 0) return 0;
        *word |= (uint32_t)byte << shift;
    }
    return 1;
}

static void put(uint8_t byte) {
    add_to_sum(byte);
    lmanet_board_write(byte);
}

static void put_word(uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) put((uint8_t)(word >> shift));
}

static void begin(uint8_t kind, uint8_t number, uint32_t bytes) {
    lmanet_board_write(FIRST);
    lmanet_board_write(SECOND);
    sum = 0xFFFFFFFFu;
    put(kind);
    put(number);
    put_word(bytes);
}

static void end(void) { put_word(~sum); }

static void refuse(uint8_t number, uint8_t reason) {
    begin(REFUSED, number, 1);
    put(reason);
    end();
}

static void hello(uint8_t number) {
    const char *name = lmanet_board_name, *id = LMANET_NETWORK_ID;
    uint32_t length = 0;
    while (name[length]) length++;
    begin(HELLO | ANSWER, number, 2 + 6 * 4 + 16 + length);
    put(VERSION);
    put((lmanet_board_emulated ? EMULATED : 0) | (LMANET_TEXT ? TEXT : 0));
    put_word(LMANET_INPUT_BYTES);
    put_word(LMANET_OUTPUT_BYTES);
    put_word(lmanet_board_tick_hz);
    put_word(lmanet_board_core_hz);
    put_word(runs);
    put_word(lmanet_board_ticks());
    for (int i = 0; i < 16; i++) put((uint8_t)id[i]);
    for (uint32_t i = 0; i < length; i++) put((uint8_t)name[i]);
    end();
}

static void run(uint8_t number) {
    lmanet_run_counted();
    begin(RUN | ANSWER, number, 2 * 4 + LMANET_OUTPUT_BYTES);
    put_word(lmanet_last_ticks);
    put_word(runs);
    for (int i = 0; i < LMANET_OUTPUT_BYTES; i++) put((uint8_t)lmanet_output()[i]);
    end();
}

/* What follows A5 5A. The image goes straight to where the network reads it. */
static void frame(void) {
    sum = 0xFFFFFFFFu;
    const int kind = next_byte(), number = kind < 0 ? -1 : next_byte();
    uint32_t bytes, own, given;
    if (number < 0 || !next_word(&bytes) || bytes > MOST_BYTES) return;
    const int is_image = kind == RUN && bytes == LMANET_INPUT_BYTES;
    int8_t *image = lmanet_input();
    for (uint32_t i = 0; i < bytes; i++) {
        const int byte = next_byte();
        if (byte < 0) return;
        if (is_image) image[i] = (int8_t)byte;
    }
    own = ~sum;
    if (!next_word(&given)) return;
    if (given != own)
        refuse((uint8_t)number, BAD_SUM);
    else if (kind == HELLO && bytes == 0)
        hello((uint8_t)number);
    else if (is_image)
        run((uint8_t)number);
    else
        refuse((uint8_t)number, kind == HELLO || kind == RUN ? BAD_LENGTH : BAD_KIND);
}

void lmanet_serve(void) {
    lmanet_board_start();
    begin(STARTED, 0, 0);
    end();
#if LMANET_TEXT
    lmanet_text_start();
#endif
    for (int last = -1;;) {
        count_ticks();
        const int byte = lmanet_board_read();
        if (byte < 0) continue;
        if (last == FIRST && byte == SECOND) {
            frame();
            last = -1;
            continue;
        }
        last = byte;
#if LMANET_TEXT
        if (byte != FIRST) lmanet_text_byte((uint8_t)byte);
#endif
    }
}
