#include "lmanet_stream.h"

#include "lmanet_sound.h"
#include "network.h"
#include "network_sound.h"

_Static_assert(LMANET_FRAMES * LMANET_COLUMNS == LMANET_INPUT_BYTES, "the network reads other features than the front end makes");

enum { KEPT = LMANET_WINDOW_SAMPLES - LMANET_STEP_SAMPLES, FULL = 32768 };

static int16_t heard[LMANET_WINDOW_SAMPLES];
static int32_t work[LMANET_SOUND_WORK(LMANET_FFT_SIZE, LMANET_BANDS)];
static uint8_t rows[LMANET_FRAMES][LMANET_COLUMNS]; /* a ring: the oldest is the next to be replaced */
static uint16_t of_window[LMANET_SMOOTHED_WINDOWS][LMANET_OUTPUT_BYTES], posteriors[LMANET_OUTPUT_BYTES];
static int32_t num_heard, next_row, num_frames, num_windows;

static void fill_input(void) {
    int8_t *input = lmanet_input();
    for (int32_t i = 0; i < LMANET_FRAMES; i++) {
        const uint8_t *row = rows[(next_row + i) % LMANET_FRAMES];
        for (int32_t column = 0; column < LMANET_COLUMNS; column++) *input++ = lmanet_input_table[0][row[column]];
    }
}

static void smooth(void) {
    const int8_t *logits = lmanet_output();
    int32_t most = logits[0], sum = 0;
    for (int32_t i = 1; i < LMANET_OUTPUT_BYTES; i++)
        if (logits[i] > most) most = logits[i];
    for (int32_t i = 0; i < LMANET_OUTPUT_BYTES; i++) sum += lmanet_exponentials[most - logits[i]];
    uint16_t *window = of_window[num_windows % LMANET_SMOOTHED_WINDOWS];
    for (int32_t i = 0; i < LMANET_OUTPUT_BYTES; i++) window[i] = (uint16_t)((uint32_t)lmanet_exponentials[most - logits[i]] * FULL / (uint32_t)sum);
    if (++num_windows == 2 * LMANET_SMOOTHED_WINDOWS) num_windows = LMANET_SMOOTHED_WINDOWS; /* so that it never overflows */
    const int32_t known = num_windows < LMANET_SMOOTHED_WINDOWS ? num_windows : LMANET_SMOOTHED_WINDOWS;
    for (int32_t i = 0; i < LMANET_OUTPUT_BYTES; i++) {
        uint32_t total = 0;
        for (int32_t number = 0; number < known; number++) total += of_window[number][i];
        posteriors[i] = (uint16_t)(total / (uint32_t)known);
    }
}

/* Gives 1 where the frame completed a window. */
static int32_t take_frame(void) {
    lmanet_sound_frame(&lmanet_sound_settings, heard, work, rows[next_row]);
    next_row = (next_row + 1) % LMANET_FRAMES;
    for (int32_t i = 0; i < KEPT; i++) heard[i] = heard[i + LMANET_STEP_SAMPLES];
    num_heard = KEPT;
    if (++num_frames < LMANET_FRAMES) return 0;
    num_frames = LMANET_FRAMES - LMANET_HOP_FRAMES;
    fill_input();
    lmanet_run();
    smooth();
    return 1;
}

int32_t lmanet_push_samples(const int16_t *samples, int32_t count) {
    int32_t windows = 0;
    for (int32_t i = 0; i < count; i++) {
        heard[num_heard++] = samples[i];
        if (num_heard == LMANET_WINDOW_SAMPLES) windows += take_frame();
    }
    return windows;
}

const uint16_t *lmanet_posteriors(void) { return posteriors; }

void lmanet_forget_sound(void) { num_heard = next_row = num_frames = num_windows = 0; }
