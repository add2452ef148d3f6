#include "lmanet_smooth.h"

#include "network.h"
#include "network_stream.h"

enum { FULL = 32768 };

static uint16_t of_window[LMANET_SMOOTHED_WINDOWS][LMANET_OUTPUT_BYTES], posteriors[LMANET_OUTPUT_BYTES];
static int32_t num_windows;

void lmanet_smooth(void) {
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

const uint16_t *lmanet_posteriors(void) { return posteriors; }

void lmanet_forget_windows(void) { num_windows = 0; }
