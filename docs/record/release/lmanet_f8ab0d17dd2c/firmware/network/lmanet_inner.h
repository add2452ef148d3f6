/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels share: instructions of a Cortex-M4 and M7 with the same in C for other processors, and the matrix product.
 */
#ifndef LMANET_INNER_H
#define LMANET_INNER_H

#include "lmanet_kernels.h"

#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__)
#pragma GCC optimize("O2") /* a debug build of an application need not slow its network down */
#endif

#define INLINE static inline __attribute__((always_inline))
#define BLOCK 4 /* pixels that are multiplied at once */
#define MOST_KERNEL 7

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(LMANET_PORTABLE)
#define LMANET_ARM 1
#include <arm_acle.h>
INLINE int32_t widen_even(uint32_t bytes) { return (int32_t)__sxtb16(bytes); } /* bytes 0 and 2 as two int16 */
INLINE int32_t widen_odd(uint32_t bytes) {                                     /* bytes 1 and 3 */
    int32_t pair;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}
INLINE int32_t add_even(int32_t pair, uint32_t bytes) { return (int32_t)__sxtab16((uint32_t)pair, bytes); }
INLINE int32_t add_odd(int32_t pair, uint32_t bytes) {
    int32_t sum;
    __asm("sxtab16 %0, %1, %2, ror #8" : "=r"(sum) : "r"(pair), "r"(bytes));
    return sum;
}
INLINE int32_t add_pairs(int32_t a, int32_t b) { return (int32_t)__sadd16(a, b); }
INLINE int32_t subtract_pairs(int32_t a, int32_t b) { return (int32_t)__ssub16(a, b); }
INLINE int32_t add_products(int32_t a, int32_t b, int32_t sum) { return __smlad(a, b, sum); }
INLINE int32_t add_low_low(int32_t a, int32_t b, int32_t sum) { return __smlabb(a, b, sum); }
INLINE int32_t add_high_low(int32_t a, int32_t b, int32_t sum) { return __smlatb(a, b, sum); }
INLINE int32_t low_product(int32_t a, int32_t b) { return (int16_t)a * (int16_t)b; }
INLINE int32_t high_product(int32_t a, int32_t b) { return (a >> 16) * (b >> 16); }
INLINE int32_t add_upper_word(int32_t a, int32_t b, int32_t sum) {
    int32_t result;
    __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}
INLINE int32_t saturate(int32_t value) { return __ssat(value, 8); }
INLINE int32_t saturate_half(int32_t value) {
    int32_t result;
    __asm("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(value));
    return result;
}
#else
#define LMANET_ARM 0
INLINE int32_t low(int32_t pair) { return (int16_t)pair; }
INLINE int32_t high(int32_t pair) { return pair >> 16; }
INLINE int32_t pack(int32_t l, int32_t h) { return (int32_t)((uint16_t)l | (uint32_t)h << 16); }
INLINE int32_t widen_even(uint32_t bytes) { return pack((int8_t)bytes, (int8_t)(bytes >> 16)); }
INLINE int32_t widen_odd(uint32_t bytes) { return pack((int8_t)(bytes >> 8), (int8_t)(bytes >> 24)); }
INLINE int32_t add_pairs(int32_t a, int32_t b) { return pack(low(a) + low(b), high(a) + high(b)); }
INLINE int32_t subtract_pairs(int32_t a, int32_t b) { return pack(low(a) - low(b), high(a) - high(b)); }
INLINE int32_t add_even(int32_t pair, uint32_t bytes) { return add_pairs(pair, widen_even(bytes)); }
INLINE int32_t add_odd(int32_t pair, uint32_t bytes) { return add_pairs(pair, widen_odd(bytes)); }
INLINE int32_t add_products(int32_t a, int32_t b, int32_t sum) { return sum + low(a) * low(b) + high(a) * high(b); }
INLINE int32_t add_low_low(int32_t a, int32_t b, int32_t sum) { return sum + low(a) * low(b); }
INLINE int32_t add_high_low(int32_t a, int32_t b, int32_t sum) { return sum + high(a) * low(b); }
INLINE int32_t low_product(int32_t a, int32_t b) { return low(a) * low(b); }
INLINE int32_t high_product(int32_t a, int32_t b) { return high(a) * high(b); }
INLINE int32_t add_upper_word(int32_t a, int32_t b, int32_t sum) { return sum + (int32_t)(((int64_t)a * b + 0x80000000LL) >> 32); }
INLINE int32_t saturate(int32_t value) { return value > 127 ? 127 : value < -128 ? -128 : value; }
INLINE int32_t saturate_half(int32_t value) { return saturate(value >> 1); }
#endif

INLINE uint32_t load4(const void *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, 4);
    return word;
}

/* The sum of a channel, doubled, -> int8. Rounds twice as TensorFlow Lite does: the product to its upper word, then the shift, whose
 * halves go away from zero (hence the sign). rounding: the layer's halves << shift, which has the output's zero point in it. */
INLINE int32_t requantise(int32_t sum, int32_t multiplier, int32_t rounding, int32_t shift) {
    return saturate_half(add_upper_word(sum, multiplier, rounding + (sum >> 31)) >> shift);
}

/* A column holds the inputs of one pixel as int16, doubled; of each four the pairs (0, 2) and (1, 3). The pairs of BLOCK pixels
 * alternate: spacing is the number of words from one pair of a pixel to the next. These put bytes, a multiple of four unless they are
 * the last, into a column, and give the place of what follows. */
INLINE int32_t *widen_word(int32_t *pairs, int spacing, uint32_t bytes) {
    const int32_t even = widen_even(bytes), odd = widen_odd(bytes);
    pairs[0] = add_pairs(even, even);
    pairs[spacing] = add_pairs(odd, odd);
    return pairs + 2 * spacing;
}

INLINE int32_t *widen(int32_t *pairs, int spacing, const int8_t *from, int count) {
    for (const int8_t *const end = from + (count & ~3); from != end; from += 4) pairs = widen_word(pairs, spacing, load4(from));
    if (count & 3) {
        uint32_t bytes = 0;
        for (int i = 0; i < (count & 3); i++) bytes |= (uint32_t)(uint8_t)from[i] << 8 * i;
        pairs = widen_word(pairs, spacing, bytes);
    }
    return pairs;
}

/* Where results go: bytes between neighbouring pixels and between channels. */
typedef struct {
    int8_t *first;
    int pixel, channel;
} lm_target;

/* Multiplies the columns of 1 to BLOCK pixels with the weights of all output channels. A block is read whole: columns of pixels that are
 * not there may hold anything. */
void lm_multiply(const lm_dense *dense, const int32_t *pairs, int spacing, int pixels, const lm_target *to);

/* Depthwise convolution of BLOCK neighbouring pixels of one output row, of all channels. */
struct lm_depthwise_block {
    const int8_t *ring;          /* first pixel under the window, in the first channel of the ring's first row */
    int rows[MOST_KERNEL];       /* offset of each row under the window, of those from `first` to `last` - 1; the others are padding */
    int first, last;
    int pixels;                  /* that are there; results of others may be written to a column */
    int32_t *pairs;              /* where the results become columns; or 0 */
    int8_t *out;                 /* where they become pixels, channels bytes apart */
};

#endif
