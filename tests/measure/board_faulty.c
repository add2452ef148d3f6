/* The emulated board, and what can go wrong with one: a byte 0xF1 to 0xF7 before any frame chooses the fault. */
#include "board_mps2.c"

enum { RESETS = 0xF1, HANGS, GARBLES, STANDS_STILL, HURRIES, FLIPS_A_BIT, TALKS };
enum { LATE = 300, GREETED = 70 }; /* bytes: in the middle of an image; after the greeting */
static int fault, heard, said;

void lmanet_board_start(void) { mps2_start(); }

int lmanet_board_read(void) {
    const int byte = mps2_read();
    if (byte >= RESETS && byte <= TALKS && !heard && !fault) {
        fault = byte;
        return -1;
    }
    heard += byte >= 0;
    if (fault == RESETS && heard > LATE) REGISTER(0xE000ED0C) = 0x05FA0004; /* AIRCR: SYSRESETREQ */
    while (fault == HANGS && heard > LATE) {
    }
    if (fault == TALKS && byte >= 0) {
        for (const char *text = "hello, world\r\n"; *text; text++) mps2_write((uint8_t)*text);
        return -1;
    }
    return fault == FLIPS_A_BIT && heard == LATE && byte >= 0 ? byte ^ 1 : byte;
}

void lmanet_board_write(uint8_t byte) {
    said++;
    mps2_write(fault == GARBLES && said > GREETED ? byte ^ 0x55 : byte);
}

uint32_t lmanet_board_ticks(void) { return fault == STANDS_STILL ? 0 : mps2_ticks() * (fault == HURRIES ? 16 : 1); }
