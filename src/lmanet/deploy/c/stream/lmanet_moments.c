#include "lmanet_moments.h"

#include "network.h"
#include "network_moments.h"

_Static_assert(LMANET_MOMENTS * LMANET_CHANNELS == LMANET_INPUT_BYTES, "the network reads other windows than the sensor gives");

static uint8_t felt[LMANET_MOMENTS][LMANET_CHANNELS]; /* a ring: the oldest is the next to be replaced */
static int32_t next_moment, num_moments;

/* As in training; what is no number becomes 0. */
static uint8_t byte_of(float value, int32_t channel) {
    /* Stored, so that no compiler joins it with the sum: both are rounded in training, each to a float. */
    volatile float scaled = (value - lmanet_lowest[channel]) * lmanet_gain[channel];
    const float shifted = scaled + 0.5f;
    if (!(shifted > 0.0f)) return 0;
    return shifted < 255.0f ? (uint8_t)shifted : 255;
}

static void fill_input(void) {
    int8_t *input = lmanet_input();
    for (int32_t i = 0; i < LMANET_MOMENTS; i++) {
        const uint8_t *moment = felt[(next_moment + i) % LMANET_MOMENTS];
        for (int32_t channel = 0; channel < LMANET_CHANNELS; channel++) *input++ = lmanet_input_table[channel][moment[channel]];
    }
}

int32_t lmanet_push_moments(const float *values, int32_t count) {
    int32_t windows = 0;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t channel = 0; channel < LMANET_CHANNELS; channel++) felt[next_moment][channel] = byte_of(*values++, channel);
        next_moment = (next_moment + 1) % LMANET_MOMENTS;
        if (++num_moments < LMANET_MOMENTS) continue;
        num_moments = LMANET_MOMENTS - LMANET_HOP_MOMENTS;
        fill_input();
        lmanet_run();
        lmanet_smooth();
        windows++;
    }
    return windows;
}

void lmanet_forget_moments(void) {
    next_moment = num_moments = 0;
    lmanet_forget_windows();
}
