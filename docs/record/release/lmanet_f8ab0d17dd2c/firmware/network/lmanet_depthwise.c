/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of a block of neighbouring pixels, from rows in which a channel's pixels are neighbouring bytes.
 */
#include "lmanet_inner.h"

/* One value for each pixel of a block. Not an array, which compilers would keep in memory. */
typedef struct {
    int32_t p0, p1, p2, p3;
} four;

#if LMANET_ARM
/* Pixels `at` and `at` + 2 as two int16, by words that begin at even pixels. */
INLINE int32_t two_pixels(const int8_t *from, int at) {
    const uint32_t bytes = load4(from + (at & ~1));
    return at & 1 ? widen_odd(bytes) : widen_even(bytes);
}

/* What one row of the window adds to the output whose first pixel is x: pairs of every other tap, then a single one. That takes the upper
 * half of a pair of pixels that is there already, but for the very first pixels. */
INLINE int32_t add_taps(const int8_t *from, const int8_t *w, int kernel, int x, int32_t sum) {
    const int tap = kernel == 7 ? 5 : kernel == 5 ? 4 : kernel == 3 ? 1 : 0, at = x + tap;
    const int32_t single = kernel == 7 ? widen_odd(load4(w + 4)) : kernel == 3 ? widen_odd(load4(w)) : w[tap];
    if (kernel >= 3) sum = add_products(two_pixels(from, x), widen_even(load4(w)), sum);
    if (kernel >= 5) sum = add_products(two_pixels(from, x + 1), widen_odd(load4(w)), sum);
    if (kernel == 7) sum = add_products(two_pixels(from, x + 4), widen_even(load4(w + 4)), sum);
    if (at >= 2) return add_high_low(two_pixels(from, at - 2), single, sum);
    return add_low_low(two_pixels(from, at), single, sum);
}
#else
INLINE int32_t add_taps(const int8_t *from, const int8_t *w, int kernel, int x, int32_t sum) {
    for (int tap = 0; tap < kernel; tap++) sum += from[x + tap] * w[tap];
    return sum;
}
#endif

INLINE four add_row(const int8_t *from, const int8_t *w, int kernel, int stride, four sums) {
    sums.p0 = add_taps(from, w, kernel, 0, sums.p0);
    sums.p1 = add_taps(from, w, kernel, stride, sums.p1);
    sums.p2 = add_taps(from, w, kernel, 2 * stride, sums.p2);
    sums.p3 = add_taps(from, w, kernel, 3 * stride, sums.p3);
    return sums;
}

/* Rows of padding add the same to every pixel. */
INLINE int32_t add_padding(const int8_t *w, int count, int32_t zero, int32_t sum) {
    for (; count > 0; count--) sum += zero * *w++;
    return sum;
}

INLINE four finish(four sums, const lm_channel *q, int32_t halves, const int8_t *table) {
    const int32_t multiplier = q->multiplier, shift = q->shift, rounding = halves * (1 << shift);
    sums.p0 = requantise(2 * sums.p0, multiplier, rounding, shift);
    sums.p1 = requantise(2 * sums.p1, multiplier, rounding, shift);
    sums.p2 = requantise(2 * sums.p2, multiplier, rounding, shift);
    sums.p3 = requantise(2 * sums.p3, multiplier, rounding, shift);
    if (table) sums = (four){table[sums.p0], table[sums.p1], table[sums.p2], table[sums.p3]};
    return sums;
}

/* Results of a channel are half of each pixel's pair. */
INLINE void store_column(int32_t *pairs, int channel, four values) {
    int16_t *const to = (int16_t *)(pairs + ((channel >> 1 & ~1) | (channel & 1)) * BLOCK) + (channel >> 1 & 1);
    to[0] = (int16_t)(2 * values.p0), to[2] = (int16_t)(2 * values.p1);
    to[4] = (int16_t)(2 * values.p2), to[6] = (int16_t)(2 * values.p3);
}

INLINE void store_pixels(int8_t *out, int channels, int pixels, four values) {
    out[0] = (int8_t)values.p0;
    if (pixels > 1) out[channels] = (int8_t)values.p1;
    if (pixels > 2) out[2 * channels] = (int8_t)values.p2;
    if (pixels > 3) out[3 * channels] = (int8_t)values.p3;
}

/* high, wide: sides of the window; stride: in width. */
INLINE void convolve(const lm_rows_layer *layer, const lm_depthwise_block *block, int high, int wide, int stride) {
    const int channels = layer->window.in_channels, first = block->first, last = block->last;
    const lm_channel *q = layer->channels;
    const int8_t *from = block->ring, *w = layer->weights;
    for (int c = 0; c < channels; c++, q++, w += high * wide, from += layer->pitch) {
        int32_t bias = q->bias >> 1;
        four sums = {bias, bias, bias, bias};
        if (last - first == high) {
#pragma GCC unroll 7
            for (int i = 0; i < high; i++) sums = add_row(from + block->rows[i], w + i * wide, wide, stride, sums);
        } else {
            bias = add_padding(w, wide * first, layer->window.zero, bias);
            bias = add_padding(w + wide * last, wide * (high - last), layer->window.zero, bias);
            sums = (four){bias, bias, bias, bias};
            for (int i = first; i < last; i++) sums = add_row(from + block->rows[i], w + i * wide, wide, stride, sums);
        }
        sums = finish(sums, q, layer->halves, layer->table);
        if (block->pairs)
            store_column(block->pairs, c, sums);
        else
            store_pixels(block->out + c, channels, block->pixels, sums);
    }
}

#define DEPTHWISE(name, high, wide, stride)                                                                         \
    void lm_depthwise_##name##_##stride(const lm_rows_layer *layer, const lm_depthwise_block *block) {              \
        convolve(layer, block, high, wide, stride);                                                                 \
    }
DEPTHWISE(1, 1, 1, 1)
DEPTHWISE(1, 1, 1, 2)
DEPTHWISE(3, 3, 3, 1)
DEPTHWISE(3, 3, 3, 2)
DEPTHWISE(5, 5, 5, 1)
DEPTHWISE(5, 5, 5, 2)
DEPTHWISE(7, 7, 7, 1)
DEPTHWISE(7, 7, 7, 2)
DEPTHWISE(1x3, 1, 3, 1)
DEPTHWISE(1x3, 1, 3, 2)
DEPTHWISE(1x5, 1, 5, 1)
DEPTHWISE(1x5, 1, 5, 2)
DEPTHWISE(1x7, 1, 7, 1)
DEPTHWISE(1x7, 1, 7, 2)
DEPTHWISE(3x1, 3, 1, 1)
DEPTHWISE(5x1, 5, 1, 1)
DEPTHWISE(7x1, 7, 1, 1)
