#include "lmanet_stream.h"

#include "lmanet_sound.h"
#include "network.h"
#include "network_sound.h"

_Static_assert(LMANET_FRAMES * LMANET_COLUMNS == LMANET_INPUT_BYTES, "the network reads other features than the front end makes");

enum { KEPT = LMANET_WINDOW_SAMPLES - LMANET_STEP_SAMPLES };

static int16_t heard[LMANET_WINDOW_SAMPLES];
static int32_t work[LMANET_SOUND_WORK(LMANET_FFT_SIZE, LMANET_BANDS)];
static uint8_t rows[LMANET_FRAMES][LMANET_COLUMNS]; /* a ring: the oldest is the next to be replaced */
static int32_t num_heard, next_row, num_frames;

static void fill_input(void) {
    int8_t *input = lmanet_input();
    for (int32_t i = 0; i < LMANET_FRAMES; i++) {
        const uint8_t *row = rows[(next_row + i) % LMANET_FRAMES];
        for (int32_t column = 0; column < LMANET_COLUMNS; column++) *input++ = lmanet_input_table[0][row[column]];
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
    lmanet_smooth();
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

void lmanet_forget_sound(void) {
    num_heard = next_row = num_frames = 0;
    lmanet_forget_windows();
}
