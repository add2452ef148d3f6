/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix product: columns of pixels times weights. On a Cortex-M four pixels times two output channels, in 14 registers.
 */
#include "lmanet_inner.h"

/* What the inner loop works on; its assembly knows the order. */
typedef struct {
    const int8_t *weights;                    /* 0 */
    const int32_t *pairs;                     /* 4 */
    int8_t *out;                              /* 8 */
    intptr_t channel;                         /* 12: bytes from one output channel to the next */
    intptr_t pixel1, pixel2, pixel3;          /* 16, 20, 24: from the first pixel to the others */
    const lm_channel *channels;               /* 28 */
    const int8_t *table;                      /* 32 */
    const int32_t *end;                       /* 36: of the pairs */
    intptr_t count;                           /* 40: pairs of output channels, at least one */
    int32_t halves;                           /* 44 */
} block_state;

/* Steps weights, out and channels on as it goes. Writes the last pixel first and of two channels the second first, so that where there are
 * fewer, those that do not exist may have the place of one that does. */
void lm_multiply_block(block_state *state);

#if LMANET_ARM
/* r4 to r7 are the sums of the first channel, r8 to r11 of the second; r0 weights, r1 pairs; r2, r3 weights of two inputs of each channel;
 * r12, lr pairs of two pixels. The stack holds the state and the end of the pairs. */
#define TWO_PIXELS(a0, b0, a1, b1)                                                             \
    "    ldrd r12, lr, [r1], #8\n"                                                             \
    "    smlad " a0 ", r12, r2, " a0 "\n    smlad " b0 ", r12, r3, " b0 "\n"                   \
    "    smlad " a1 ", lr, r2, " a1 "\n    smlad " b1 ", lr, r3, " b1 "\n"
#define TWO_INPUTS                                                                             \
    "    ldr r3, [r0], #4\n    sxtb16 r2, r3\n    sxtb16 r3, r3, ror #8\n"                     \
    TWO_PIXELS("r4", "r8", "r5", "r9") TWO_PIXELS("r6", "r10", "r7", "r11")
/* r0 multiplier, r1 rounding, r12 shift */
#define REQUANTISE(sum)                                                                        \
    "    add r2, r1, " sum ", asr #31\n    smmlar " sum ", " sum ", r0, r2\n"                  \
    "    asr " sum ", " sum ", r12\n    ssat " sum ", #8, " sum ", asr #1\n"
#define LOOK_UP(value) "    ldrsb " value ", [r3, " value "]\n"
#define STORE(v0, v1, v2, v3)                                                                  \
    "    strb " v3 ", [r0, lr]\n    strb " v2 ", [r0, r12]\n    strb " v1 ", [r0, r3]\n    strb " v0 ", [r0]\n"
__asm(
    "    .syntax unified\n"
    "    .pushsection .text.lm_multiply_block, \"ax\", %progbits\n"
    "    .balign 4\n"
    "    .thumb_func\n"
    "    .type lm_multiply_block, %function\n"
    "    .global lm_multiply_block\n"
    "lm_multiply_block:\n"
    "    ldr r1, [r0, #36]\n"
    "    push {r0, r1, r4-r11, lr}\n"
    "    mov r2, r0\n"
    "1:\n" /* two output channels */
    "    ldr r3, [r2, #28]\n"
    "    ldrd r0, r1, [r2]\n"
    "    ldr r4, [r3]\n"
    "    ldr r8, [r3, #12]\n"
    "    mov r5, r4\n    mov r6, r4\n    mov r7, r4\n"
    "    mov r9, r8\n    mov r10, r8\n    mov r11, r8\n"
    "2:\n"
    TWO_INPUTS TWO_INPUTS
    "    ldr r12, [sp, #4]\n"
    "    cmp r1, r12\n"
    "    bne 2b\n"
    "    ldr lr, [sp]\n"
    "    str r0, [lr]\n"
    "    ldr r3, [lr, #28]\n"
    "    ldrd r0, r12, [r3, #4]\n"
    "    ldr r1, [lr, #44]\n"
    "    lsl r1, r1, r12\n"
    REQUANTISE("r4") REQUANTISE("r5") REQUANTISE("r6") REQUANTISE("r7")
    "    ldrd r0, r12, [r3, #16]\n"
    "    ldr r1, [lr, #44]\n"
    "    lsl r1, r1, r12\n"
    REQUANTISE("r8") REQUANTISE("r9") REQUANTISE("r10") REQUANTISE("r11")
    "    adds r3, #24\n"
    "    str r3, [lr, #28]\n"
    "    mov r2, lr\n"
    "    ldr r3, [r2, #32]\n"
    "    cbz r3, 3f\n"
    LOOK_UP("r4") LOOK_UP("r5") LOOK_UP("r6") LOOK_UP("r7")
    LOOK_UP("r8") LOOK_UP("r9") LOOK_UP("r10") LOOK_UP("r11")
    "3:\n"
    "    ldrd r0, r1, [r2, #8]\n"
    "    ldr r3, [r2, #16]\n"
    "    ldrd r12, lr, [r2, #20]\n"
    "    add r0, r0, r1\n"
    STORE("r8", "r9", "r10", "r11")
    "    sub r0, r0, r1\n"
    STORE("r4", "r5", "r6", "r7")
    "    add r0, r0, r1, lsl #1\n"
    "    ldr r1, [r2, #40]\n"
    "    str r0, [r2, #8]\n"
    "    subs r1, #1\n"
    "    str r1, [r2, #40]\n"
    "    bne 1b\n"
    "    pop {r0, r1, r4-r11, pc}\n"
    "    .size lm_multiply_block, . - lm_multiply_block\n"
    "    .popsection\n");
#else
#if defined(__AVX2__)
#include <immintrin.h>
/* Both channels of eight weights as int16, each pair for four pixels: the bytes in the upper halves, then shifted down. */
static __m256i spread(__m256i weights, char channel) {
    const char e = -1, a = channel, b = a + 2, c = a + 4, d = a + 6; /* -1 is zero */
    const __m256i places = _mm256_setr_epi8(e, a, e, b, e, a, e, b, e, a, e, b, e, a, e, b, e, c, e, d, e, c, e, d, e, c, e, d, e, c, e, d);
    return _mm256_srai_epi16(_mm256_shuffle_epi8(weights, places), 8);
}

static void multiply(const block_state *s, int32_t (*sums)[BLOCK]) {
    __m256i a = _mm256_setzero_si256(), b = a;
    const int8_t *weights = s->weights;
    for (const int32_t *pairs = s->pairs; pairs != s->end; pairs += 2 * BLOCK, weights += 8) {
        int64_t eight;
        __builtin_memcpy(&eight, weights, 8);
        const __m256i w = _mm256_set1_epi64x(eight), x = _mm256_loadu_si256((const __m256i *)(const void *)pairs);
        a = _mm256_add_epi32(a, _mm256_madd_epi16(x, spread(w, 0)));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(x, spread(w, 1)));
    }
    _mm_storeu_si128((__m128i *)(void *)sums[0], _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)));
    _mm_storeu_si128((__m128i *)(void *)sums[1], _mm_add_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1)));
}
#else
static void multiply(const block_state *s, int32_t (*sums)[BLOCK]) {
    const int8_t *weights = s->weights;
    for (int i = 0; i < BLOCK; i++) sums[0][i] = sums[1][i] = 0;
    for (const int32_t *pairs = s->pairs; pairs != s->end; pairs += BLOCK, weights += 4) {
        const uint32_t bytes = load4(weights);
        for (int i = 0; i < BLOCK; i++) {
            sums[0][i] = add_products(pairs[i], widen_even(bytes), sums[0][i]);
            sums[1][i] = add_products(pairs[i], widen_odd(bytes), sums[1][i]);
        }
    }
}
#endif

void lm_multiply_block(block_state *s) {
    const intptr_t pixels[BLOCK] = {0, s->pixel1, s->pixel2, s->pixel3};
    for (; s->count; s->count--, s->channels += 2, s->out += 2 * s->channel) {
        int32_t sums[2][BLOCK];
        multiply(s, sums);
        s->weights += s->end - s->pairs;
        for (int b = 1; b >= 0; b--) {
            const lm_channel *q = &s->channels[b];
            for (int i = BLOCK - 1; i >= 0; i--) {
                const int32_t value = requantise(q->bias + sums[b][i], q->multiplier, s->halves * (1 << q->shift), q->shift);
                s->out[b * s->channel + pixels[i]] = s->table ? s->table[value] : (int8_t)value;
            }
        }
    }
}
#endif

static void multiply_pixel(const lm_dense *dense, const int32_t *column, int spacing, int8_t *out, int channel) {
    const int8_t *weights = dense->weights;
    const lm_channel *q = dense->channels;
    for (int left = dense->outputs; left > 0; left -= 2, q += 2, out += 2 * channel) {
        const int32_t *pairs = column;
        int32_t a = q[0].bias, b = q[1].bias;
        for (const int8_t *const end = weights + 2 * dense->column; weights != end; weights += 8, pairs += 2 * spacing) {
            const uint32_t even = load4(weights), odd = load4(weights + 4);
            a = add_products(pairs[0], widen_even(even), a);
            b = add_products(pairs[0], widen_odd(even), b);
            a = add_products(pairs[spacing], widen_even(odd), a);
            b = add_products(pairs[spacing], widen_odd(odd), b);
        }
        a = requantise(a, q[0].multiplier, dense->halves * (1 << q[0].shift), q[0].shift);
        b = requantise(b, q[1].multiplier, dense->halves * (1 << q[1].shift), q[1].shift);
        out[0] = dense->table ? dense->table[a] : (int8_t)a;
        if (left > 1) out[channel] = dense->table ? dense->table[b] : (int8_t)b;
    }
}

void lm_multiply(const lm_dense *dense, const int32_t *pairs, int spacing, int pixels, const lm_target *to) {
    if (pixels == 1) {
        multiply_pixel(dense, pairs, spacing, to->first, to->channel);
        return;
    }
    block_state state = {.weights = dense->weights, .pairs = pairs, .out = to->first, .channel = to->channel,
                         .pixel1 = to->pixel, .pixel2 = to->pixel * (pixels > 2 ? 2 : 1), .pixel3 = to->pixel * (pixels - 1),
                         .channels = dense->channels, .table = dense->table, .end = pairs + 2 * dense->column, .count = dense->outputs / 2,
                         .halves = dense->halves};
    if (state.count) lm_multiply_block(&state);
    if (dense->outputs % 2) {
        state.count = 1, state.channel = 0;
        lm_multiply_block(&state);
    }
}
