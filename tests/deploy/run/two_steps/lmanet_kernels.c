#include "lmanet_kernels.h"

static int8_t saturate(int32_t value) { return (int8_t)(value > 127 ? 127 : value < -128 ? -128 : value); }

void lm_negate(const int8_t *in, int8_t *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = saturate(-in[i]);
}

/* Sum i is of every element whose index is i modulo `sums`; kept on the stack on the way, so that there is some of it to measure. */
void lm_sum(const int8_t *in, int8_t *out, int32_t count, int32_t sums) {
    volatile int32_t totals[64] = {0};
    for (int32_t i = 0; i < count; i++) totals[i % sums] += in[i];
    for (int32_t i = 0; i < sums; i++) out[i] = saturate(totals[i]);
}
