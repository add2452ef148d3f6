/* SPDX-License-Identifier: Apache-2.0
 *
 * The text commands of MLPerf Tiny's runner, so that it can drive the board: name, profile, help, timestamp, db, infer, results.
 *
 * `db` takes pixels, a byte a channel, as the benchmark's images are. `results` gives the logits, one int8 a class: the class that
 * is chosen is that of the largest.
 */
#include "board.h"
#include "network.h"
#include "serial.h"

#define MOST_CHARACTERS 80 /* of a command; the runner sends at most 66 */
#define CHANNELS ((int)(sizeof lmanet_input_table / sizeof lmanet_input_table[0]))
#define DEFAULT_WARMUPS 10
#define FIRMWARE "ULPMark for tinyML Firmware V0.0.1"
/* The runner chooses its images by this name. */
#if LMANET_INPUT_BYTES == 3072 && LMANET_OUTPUT_BYTES == 10
#define MODEL "ic01"
#elif LMANET_INPUT_BYTES == 27648 && LMANET_OUTPUT_BYTES == 2
#define MODEL "vww01"
#else
#define MODEL "lmanet"
#endif

static char command[MOST_CHARACTERS + 1];
static int length;
static uint8_t pixels[LMANET_INPUT_BYTES];
static uint32_t wanted, loaded;

static void say(const char *text) {
    while (*text) lmanet_board_write((uint8_t)*text++);
}

static void say_number(uint64_t number) {
    char digits[21];
    int at = 20;
    digits[at] = 0;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    say(digits + at);
}

/* Whether `*text` begins with a word; it then stands at the next one. */
static int takes(const char **text, const char *word) {
    const char *at = *text;
    while (*word && *at == *word) at++, word++;
    if (*word || (*at && *at != ' ')) return 0;
    while (*at == ' ') at++;
    *text = at;
    return 1;
}

/* A whole number, 0 to 10^9; `otherwise` where there is none, and -1 for what is not a number. */
static int32_t takes_number(const char **text, int32_t otherwise) {
    const char *at = *text;
    int32_t number = 0;
    if (!*at) return otherwise;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (number > 99999999) return -1;
        number = 10 * number + (*at - '0');
    }
    if (at == *text || (*at && *at != ' ')) return -1;
    while (*at == ' ') at++;
    *text = at;
    return number;
}

static int digit(char mark) {
    if (mark >= '0' && mark <= '9') return mark - '0';
    if (mark >= 'a' && mark <= 'f') return mark - 'a' + 10;
    if (mark >= 'A' && mark <= 'F') return mark - 'A' + 10;
    return -1;
}

static void load(const char *text) {
    const int32_t bytes = takes_number(&text, -1);
    if (bytes <= 0 || bytes > LMANET_INPUT_BYTES) {
        say("e-[db load takes 1 to ");
        say_number(LMANET_INPUT_BYTES);
        say(" bytes]\r\n");
        return;
    }
    wanted = (uint32_t)bytes;
    loaded = 0;
    say("m-[Expecting ");
    say_number(wanted);
    say(" bytes]\r\n");
}

static void take_digits(const char *text) {
    while (*text && loaded < wanted) {
        const int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0) {
            say("e-[db takes pairs of hexadecimal digits]\r\n");
            return;
        }
        pixels[loaded++] = (uint8_t)(high << 4 | low);
        text += 2;
        if (loaded == wanted) say("m-load-done\r\n");
    }
    if (wanted == 0) say("e-[db load comes before the bytes]\r\n");
}

static void print_pixels(void) {
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < loaded; i++) {
        say(i % 8 ? "-" : "m-buffer-");
        lmanet_board_write((uint8_t)digits[pixels[i] >> 4]);
        lmanet_board_write((uint8_t)digits[pixels[i] & 15]);
        if (i % 8 == 7 || i + 1 == loaded) say("\r\n");
    }
}

/* The network works in the place of its input, so that each run begins with the image. */
static void infer_once(void) {
    int8_t *input = lmanet_input();
    for (int i = 0; i < LMANET_INPUT_BYTES; i++) input[i] = lmanet_input_table[i % CHANNELS][pixels[i]];
    lmanet_run_counted();
}

static void timestamp(void) {
    say("m-lap-us-");
    say_number(lmanet_microseconds());
    say("\r\n");
}

static void results(void) {
    say("m-results-[");
    for (int i = 0; i < LMANET_OUTPUT_BYTES; i++) {
        const int logit = lmanet_output()[i];
        if (i) say(",");
        if (logit < 0) say("-");
        say_number((uint64_t)(logit < 0 ? -logit : logit));
    }
    say("]\r\n");
}

static void infer(const char *text) {
    const int32_t runs = takes_number(&text, 1), warmups = runs < 0 ? -1 : takes_number(&text, DEFAULT_WARMUPS);
    if (runs < 1 || warmups < 0) {
        say("e-[infer takes a number of runs from 1 on, and of warm-ups from 0 on]\r\n");
        return;
    }
    say("m-warmup-start-");
    say_number((uint64_t)warmups);
    say("\r\n");
    for (int32_t i = 0; i < warmups; i++) infer_once();
    say("m-warmup-done\r\nm-infer-start-");
    say_number((uint64_t)runs);
    say("\r\n");
    timestamp();
    for (int32_t i = 0; i < runs; i++) infer_once();
    timestamp();
    say("m-infer-done\r\n");
    results();
}

static void obey(const char *text) {
    if (takes(&text, "name"))
        say("m-name-dut-[lmanet]\r\n");
    else if (takes(&text, "timestamp"))
        timestamp();
    else if (takes(&text, "profile"))
        say("m-profile-[" FIRMWARE "]\r\nm-model-[" MODEL "]\r\n");
    else if (takes(&text, "help"))
        say(FIRMWARE "\r\nname, profile, timestamp, db load N, db HH.., db print, infer N W, results\r\n");
    else if (takes(&text, "infer"))
        infer(text);
    else if (takes(&text, "results"))
        results();
    else if (takes(&text, "db")) {
        if (takes(&text, "load"))
            load(text);
        else if (takes(&text, "print"))
            print_pixels();
        else
            take_digits(text);
    } else {
        say("e-[Unknown command: ");
        say(text);
        say("]\r\n");
    }
    say("m-ready\r\n");
}

void lmanet_text_start(void) { say("m-timestamp-mode-performance\r\nm-init-done\r\nm-ready\r\n"); }

void lmanet_text_byte(uint8_t byte) {
    if (byte == '%') {
        command[length <= MOST_CHARACTERS ? length : 0] = 0; /* of one that is too long nothing is left */
        length = 0;
        obey(command);
    } else if (byte >= ' ' && byte < 0x7F) {
        if (length < MOST_CHARACTERS) command[length] = (char)byte;
        length += length <= MOST_CHARACTERS;
    }
}
