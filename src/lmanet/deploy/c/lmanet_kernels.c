/* SPDX-License-Identifier: Apache-2.0 */
#include "lmanet_kernels.h"

#define INLINE static inline __attribute__((always_inline))
#define BLOCK 4 /* pixels that are multiplied at once */

#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__)
#pragma GCC optimize("O2", "omit-frame-pointer") /* a debug build has too few registers for the assembly below */
#endif

/* ---- What a Cortex-M4 and M7 do in one instruction, and the same in C for other processors ---- */

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
INLINE int32_t widen_even(uint32_t bytes) { return (int32_t)__sxtb16(bytes); } /* bytes 0 and 2 as two int16 */
INLINE int32_t widen_odd(uint32_t bytes) {                                     /* bytes 1 and 3 */
    int32_t pair;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}
INLINE int32_t double_pair(int32_t pair) { return (int32_t)__sadd16(pair, pair); }
INLINE int32_t add_products(int32_t a, int32_t b, int32_t sum) { return __smlad(a, b, sum); }
INLINE int32_t add_low_low(int32_t a, int32_t b, int32_t sum) { return __smlabb(a, b, sum); }
INLINE int32_t add_low_high(int32_t a, int32_t b, int32_t sum) { return __smlabt(a, b, sum); }
INLINE int32_t add_high_low(int32_t a, int32_t b, int32_t sum) { return __smlatb(a, b, sum); }
INLINE int32_t add_high_product(int32_t a, int32_t b, int32_t sum) {
    int32_t result;
    __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}
INLINE int32_t saturate(int32_t value) { return __ssat(value, 8); }
#else
INLINE int32_t low(int32_t pair) { return (int16_t)pair; }
INLINE int32_t high(int32_t pair) { return pair >> 16; }
INLINE int32_t pack(int32_t l, int32_t h) { return (int32_t)((uint16_t)l | (uint32_t)h << 16); }
INLINE int32_t widen_even(uint32_t bytes) { return pack((int8_t)bytes, (int8_t)(bytes >> 16)); }
INLINE int32_t widen_odd(uint32_t bytes) { return pack((int8_t)(bytes >> 8), (int8_t)(bytes >> 24)); }
INLINE int32_t double_pair(int32_t pair) { return pack(2 * low(pair), 2 * high(pair)); }
INLINE int32_t add_products(int32_t a, int32_t b, int32_t sum) { return sum + low(a) * low(b) + high(a) * high(b); }
INLINE int32_t add_low_low(int32_t a, int32_t b, int32_t sum) { return sum + low(a) * low(b); }
INLINE int32_t add_low_high(int32_t a, int32_t b, int32_t sum) { return sum + low(a) * high(b); }
INLINE int32_t add_high_low(int32_t a, int32_t b, int32_t sum) { return sum + high(a) * low(b); }
INLINE int32_t add_high_product(int32_t a, int32_t b, int32_t sum) {
    return sum + (int32_t)(((int64_t)a * b + 0x80000000LL) >> 32);
}
INLINE int32_t saturate(int32_t value) { return value > 127 ? 127 : value < -128 ? -128 : value; }
#endif

INLINE uint32_t load4(const void *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, 4);
    return word;
}

INLINE void copy(int8_t *to, const int8_t *from, int count) {
    for (; count >= 4; count -= 4, to += 4, from += 4) __builtin_memcpy(to, from, 4);
    for (; count > 0; count--) *to++ = *from++;
}

INLINE void fill(int8_t *to, int8_t value, int count) {
    const uint32_t word = (uint8_t)value * 0x01010101u;
    for (; count >= 4; count -= 4, to += 4) __builtin_memcpy(to, &word, 4);
    for (; count > 0; count--) *to++ = value;
}

/* The sum of a channel, doubled, -> int8. Rounds twice as TensorFlow Lite does: the product to its high word, then the shift, whose
 * halves go away from zero (hence the sign). */
INLINE int32_t requantise(int32_t sum, int32_t multiplier, int32_t rounding, int32_t shift) {
    return saturate(add_high_product(sum, multiplier, rounding + (sum >> 31)) >> shift);
}

/* ---- Matrix product: columns of pixels times weights ---- */

/* Bytes -> int16, doubled, the pairs (0, 2) and (1, 3) of each four; the pairs of other pixels lie between. */
INLINE void widen_column(const int8_t *from, int32_t *pairs, int inputs, int spacing) {
    for (; inputs >= 4; inputs -= 4, from += 4, pairs += 2 * spacing) {
        const uint32_t bytes = load4(from);
        pairs[0] = double_pair(widen_even(bytes));
        pairs[spacing] = double_pair(widen_odd(bytes));
    }
    if (inputs > 0) {
        uint32_t bytes = 0;
        for (int i = 0; i < inputs; i++) bytes |= (uint32_t)(uint8_t)from[i] << 8 * i;
        pairs[0] = double_pair(widen_even(bytes));
        pairs[spacing] = double_pair(widen_odd(bytes));
    }
}

INLINE void store(int32_t value, const int8_t *table, int8_t *to) { *to = table ? table[value] : (int8_t)value; }

/* Four pixels times two output channels: sums of products over a column, 14 registers wide. */
typedef struct {
    int32_t a0, a1, a2, a3, b0, b1, b2, b3;
} sums;

INLINE sums multiply_4x2(const int32_t *pairs, const int8_t *weights, int column, int32_t a, int32_t b) {
    sums s = {a, a, a, a, b, b, b, b};
    const int8_t *const end = weights + 2 * column;
#if defined(__ARM_FEATURE_DSP)
    /* 13 registers of the 14 that a compiler may give, so the loop's end is compared from memory. */
    int32_t x0, wa, wb;
#define PIXEL(p) "ldr %[x0], [%[x]], #4\n smlad %[a" p "], %[x0], %[wa], %[a" p "]\n smlad %[b" p "], %[x0], %[wb], %[b" p "]\n"
#define PAIR "ldr %[wa], [%[w]], #4\n sxtb16 %[wb], %[wa], ror #8\n sxtb16 %[wa], %[wa]\n" PIXEL("0") PIXEL("1") PIXEL("2") PIXEL("3")
    __asm volatile("1:\n" PAIR PAIR "ldr %[x0], %[end]\n cmp %[w], %[x0]\n bne 1b\n"
                   : [a0] "+r"(s.a0), [a1] "+r"(s.a1), [a2] "+r"(s.a2), [a3] "+r"(s.a3), [b0] "+r"(s.b0), [b1] "+r"(s.b1),
                     [b2] "+r"(s.b2), [b3] "+r"(s.b3), [x] "+r"(pairs), [w] "+r"(weights), [x0] "=&r"(x0), [wa] "=&r"(wa),
                     [wb] "=&r"(wb)
                   : [end] "m"(end)
                   : "cc", "memory");
#undef PIXEL
#undef PAIR
#else
    do {
        const uint32_t bytes = load4(weights);
        const int32_t wa = widen_even(bytes), wb = widen_odd(bytes);
        s.a0 = add_products(pairs[0], wa, s.a0), s.b0 = add_products(pairs[0], wb, s.b0);
        s.a1 = add_products(pairs[1], wa, s.a1), s.b1 = add_products(pairs[1], wb, s.b1);
        s.a2 = add_products(pairs[2], wa, s.a2), s.b2 = add_products(pairs[2], wb, s.b2);
        s.a3 = add_products(pairs[3], wa, s.a3), s.b3 = add_products(pairs[3], wb, s.b3);
        weights += 4, pairs += BLOCK;
    } while (weights != end);
#endif
    return s;
}

/* All output channels of four pixels. pixel, channel: bytes between neighbours in the output. */
static __attribute__((noinline)) void multiply_block(const lm_dense *dense, const int32_t *pairs, int8_t *out, int pixel, int channel) {
    const int8_t *weights = dense->weights, *const table = dense->table;
    const lm_channel *q = dense->channels;
    const int column = dense->column;
    for (int left = dense->outputs; left > 0; left -= 2, q += 2, weights += 2 * column) {
        const sums s = multiply_4x2(pairs, weights, column, q[0].bias, q[1].bias);
        const int32_t am = q[0].multiplier, ar = q[0].rounding, as = q[0].shift;
        store(requantise(s.a0, am, ar, as), table, out);
        store(requantise(s.a1, am, ar, as), table, out + pixel);
        store(requantise(s.a2, am, ar, as), table, out + 2 * pixel);
        store(requantise(s.a3, am, ar, as), table, out + 3 * pixel);
        out += channel;
        if (left == 1) break;
        const int32_t bm = q[1].multiplier, br = q[1].rounding, bs = q[1].shift;
        store(requantise(s.b0, bm, br, bs), table, out);
        store(requantise(s.b1, bm, br, bs), table, out + pixel);
        store(requantise(s.b2, bm, br, bs), table, out + 2 * pixel);
        store(requantise(s.b3, bm, br, bs), table, out + 3 * pixel);
        out += channel;
    }
}

/* All output channels of one pixel. */
static __attribute__((noinline)) void multiply_pixel(const lm_dense *dense, const int32_t *pairs, int8_t *out, int channel) {
    const int8_t *weights = dense->weights;
    const lm_channel *q = dense->channels;
    for (int left = dense->outputs; left > 0; left -= 2, q += 2) {
        int32_t a = q[0].bias, b = q[1].bias;
        for (int i = 0; i < dense->column / 2; i++, weights += 4) {
            const uint32_t bytes = load4(weights);
            a = add_products(pairs[i], widen_even(bytes), a);
            b = add_products(pairs[i], widen_odd(bytes), b);
        }
        store(requantise(a, q[0].multiplier, q[0].rounding, q[0].shift), dense->table, out);
        out += channel;
        if (left == 1) break;
        store(requantise(b, q[1].multiplier, q[1].rounding, q[1].shift), dense->table, out);
        out += channel;
    }
}

/* ---- Convolution ---- */

/* The window of one output pixel, row after row; what lies outside the image is the zero point. */
static void gather(const lm_window *w, const int8_t *in, int y, int x, int8_t *to) {
    const int channels = w->in_channels, kernel = w->kernel;
    const int left = x * w->stride - w->before, top = y * w->stride - w->before;
    const int skip = left < 0 ? -left : 0, past = left + kernel - w->in_width;
    const int inside = kernel - skip - (past > 0 ? past : 0);
    for (int row = top; row < top + kernel; row++, to += kernel * channels) {
        if (row < 0 || row >= w->in_height || inside <= 0) {
            fill(to, w->zero, kernel * channels);
            continue;
        }
        fill(to, w->zero, skip * channels);
        copy(to + skip * channels, in + (row * w->in_width + left + skip) * channels, inside * channels);
        fill(to + (skip + inside) * channels, w->zero, (kernel - skip - inside) * channels);
    }
}

void lm_conv(const lm_conv_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const lm_window *w = &layer->window;
    const lm_dense *dense = &layer->dense;
    const int pixels = w->out_height * w->out_width, pointwise = w->kernel == 1 && w->stride == 1;
    int32_t *const pairs = (int32_t *)(void *)scratch;
    int8_t *const bytes = scratch + (pixels >= BLOCK ? BLOCK : 1) * 2 * dense->column;
    int x = 0, y = 0;
    for (int done = 0; done < pixels;) {
        const int block = pixels - done >= BLOCK ? BLOCK : 1;
        for (int i = 0; i < block; i++) {
            const int8_t *from = in + (done + i) * dense->inputs;
            if (!pointwise) {
                gather(w, in, y, x, bytes);
                from = bytes;
                if (++x == w->out_width) x = 0, y++;
            }
            widen_column(from, pairs + i, dense->inputs, block);
        }
        if (block == BLOCK)
            multiply_block(dense, pairs, out, dense->outputs, 1);
        else
            multiply_pixel(dense, pairs, out, 1);
        done += block, out += block * dense->outputs;
    }
}

/* ---- Depthwise convolution, alone or between expansion and projection, row by row ---- */

/* What one row of the window adds to one output; pixels from `from` on, weights as in lm_rows_layer. */
INLINE int32_t add_row(const int8_t *from, const int32_t *w, int kernel, int32_t sum) {
    const uint32_t bytes = load4(from);
    if (kernel == 1) return add_low_low(widen_even(bytes), w[0], sum);
    sum = add_products(widen_even(bytes), w[0], sum);
    if (kernel == 3) return add_low_low(widen_odd(bytes), w[1], sum);
    const uint32_t more = load4(from + 4);
    sum = add_products(widen_odd(bytes), w[1], sum);
    if (kernel == 5) return add_low_low(widen_even(more), w[2], sum);
    sum = add_products(widen_even(more), w[2], sum);
    return add_low_low(widen_odd(more), w[3], sum);
}

/* The same for two neighbouring outputs at stride 1, which share most pixels. */
INLINE void add_row_twice(const int8_t *from, const int32_t *w, int kernel, int32_t *sum0, int32_t *sum1) {
    const uint32_t bytes = load4(from);
    const int32_t even = widen_even(bytes), odd = widen_odd(bytes);
    int32_t s0 = *sum0, s1 = *sum1;
    if (kernel == 1) {
        s0 = add_low_low(even, w[0], s0), s1 = add_low_low(odd, w[0], s1);
    } else {
        s0 = add_products(even, w[0], s0), s1 = add_products(odd, w[0], s1);
        s1 = add_high_low(even, w[1], s1);
        if (kernel == 3) {
            s0 = add_low_low(odd, w[1], s0);
        } else {
            const uint32_t more = load4(from + 4);
            const int32_t even1 = widen_even(more), odd1 = widen_odd(more);
            s0 = add_products(odd, w[1], s0), s1 = add_low_high(even1, w[1], s1);
            if (kernel == 5) {
                s0 = add_low_low(even1, w[2], s0), s1 = add_low_low(odd1, w[2], s1);
            } else {
                s0 = add_products(even1, w[2], s0), s1 = add_products(odd1, w[2], s1);
                s0 = add_low_low(odd1, w[3], s0), s1 = add_high_low(even1, w[3], s1);
            }
        }
    }
    *sum0 = s0, *sum1 = s1;
}

/* One output row of one channel. rows: the input rows under the window; the outputs lie `channels` bytes apart. */
INLINE void channel_row(const lm_rows_layer *layer, int kernel, int stride, const int8_t *const *rows, const int32_t *weights,
                        const lm_channel *q, int8_t *out) {
    const int8_t *r[7];
    int32_t w[7 * 4];
    const int words = (kernel + 1) / 2, channels = layer->window.in_channels;
    const int8_t *const table = layer->table;
    for (int i = 0; i < kernel; i++) r[i] = rows[i];
    for (int i = 0; i < kernel * words; i++) w[i] = weights[i];
    const int32_t bias = q->bias, multiplier = q->multiplier, rounding = q->rounding, shift = q->shift;
    int left = layer->window.out_width;
    if (stride == 1)
        for (; left >= 2; left -= 2) {
            int32_t s0 = bias, s1 = bias;
            for (int i = 0; i < kernel; i++) {
                add_row_twice(r[i], w + i * words, kernel, &s0, &s1);
                r[i] += 2;
            }
            store(requantise(s0, multiplier, rounding, shift), table, out);
            store(requantise(s1, multiplier, rounding, shift), table, out + channels);
            out += 2 * channels;
        }
    for (; left > 0; left--) {
        int32_t s = bias;
        for (int i = 0; i < kernel; i++) {
            s = add_row(r[i], w + i * words, kernel, s);
            r[i] += stride;
        }
        store(requantise(s, multiplier, rounding, shift), table, out);
        out += channels;
    }
}

/* One output row of all channels. A row of padding serves every channel, so its step from channel to channel is 0. */
INLINE void depthwise_row(const lm_rows_layer *layer, int kernel, int stride, const int8_t **rows, const int *steps, int8_t *out) {
    const int32_t *weights = layer->weights;
    for (int c = 0; c < layer->window.in_channels; c++, weights += kernel * ((kernel + 1) / 2)) {
        channel_row(layer, kernel, stride, rows, weights, layer->channels + c, out + c);
        for (int i = 0; i < kernel; i++) rows[i] += steps[i];
    }
}

#define DEPTHWISE(kernel, stride)                                                                                                     \
    static __attribute__((noinline)) void depthwise_##kernel##_##stride(const lm_rows_layer *l, const int8_t **rows, const int *steps, \
                                                                        int8_t *out) {                                                \
        depthwise_row(l, kernel, stride, rows, steps, out);                                                                           \
    }
DEPTHWISE(1, 1)
DEPTHWISE(1, 2)
DEPTHWISE(3, 1)
DEPTHWISE(3, 2)
DEPTHWISE(5, 1)
DEPTHWISE(5, 2)
DEPTHWISE(7, 1)
DEPTHWISE(7, 2)

typedef void depthwise_kernel(const lm_rows_layer *, const int8_t **, const int *, int8_t *);
static depthwise_kernel *const depthwise_kernels[4][2] = {{depthwise_1_1, depthwise_1_2},
                                                          {depthwise_3_1, depthwise_3_2},
                                                          {depthwise_5_1, depthwise_5_2},
                                                          {depthwise_7_1, depthwise_7_2}};

/* One row of the input by channel: `to` is the first pixel of the first channel. */
static void expand_row(const lm_rows_layer *layer, const int8_t *in, int8_t *to, int32_t *pairs) {
    const int width = layer->window.in_width, channels = layer->in_channels, pitch = layer->pitch;
    if (!layer->expand) {
        for (int x = 0; x < width; x++, in += channels) {
            int8_t *cell = to + x;
            int c = channels;
            for (const int8_t *from = in; c >= 4; c -= 4, from += 4, cell += 4 * pitch) {
                const uint32_t bytes = load4(from);
                cell[0] = (int8_t)bytes, cell[pitch] = (int8_t)(bytes >> 8);
                cell[2 * pitch] = (int8_t)(bytes >> 16), cell[3 * pitch] = (int8_t)(bytes >> 24);
            }
            for (const int8_t *from = in + channels - c; c > 0; c--, cell += pitch) *cell = *from++;
        }
        return;
    }
    for (int x = 0; x < width;) {
        /* The last block may begin within the one before: that costs less than single pixels. */
        const int block = width >= BLOCK ? BLOCK : 1, start = x + block > width ? width - block : x;
        for (int i = 0; i < block; i++) widen_column(in + (start + i) * channels, pairs + i, channels, block);
        if (block == BLOCK)
            multiply_block(layer->expand, pairs, to + start, 1, pitch);
        else
            multiply_pixel(layer->expand, pairs, to + start, pitch);
        x = start + block;
    }
}

/* One row of the depthwise result -> one row of the output; `in` is the input's row. */
static void project_row(const lm_rows_layer *layer, int8_t *row, const int8_t *in, int8_t *out, int32_t *pairs) {
    const lm_dense *dense = layer->project;
    const int width = layer->window.out_width;
    for (int x = 0; x < width;) {
        const int block = width - x >= BLOCK ? BLOCK : 1;
        /* The input may lie where the output goes, so that a sum needs a place in between: that of the pixels just widened. */
        int8_t *const pixels = row + x * dense->inputs, *const to = layer->add ? pixels : out;
        for (int i = 0; i < block; i++) widen_column(pixels + i * dense->inputs, pairs + i, dense->inputs, block);
        if (block == BLOCK)
            multiply_block(dense, pairs, to, dense->outputs, 1);
        else
            multiply_pixel(dense, pairs, to, 1);
        if (layer->add) lm_add(layer->add, to, in, out, block * dense->outputs);
        x += block, in += block * dense->outputs, out += block * dense->outputs;
    }
}

void lm_rows(const lm_rows_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const lm_window *w = &layer->window;
    const int kernel = w->kernel, pitch = layer->pitch, plane = w->in_channels * pitch;
    const int ring_rows = kernel < w->in_height ? kernel : w->in_height;
    int8_t *const ring = scratch, *const padding = ring + ring_rows * plane, *const row = padding + pitch;
    const int row_bytes = layer->project ? (w->out_width * w->in_channels + 3) & ~3 : 0;
    int32_t *const pairs = (int32_t *)(void *)(row + row_bytes);
    depthwise_kernel *const run = depthwise_kernels[kernel / 2][w->stride - 1];
    const int in_row = w->in_width * layer->in_channels;
    const int out_row = w->out_width * (layer->project ? layer->project->outputs : w->in_channels);
    fill(ring, w->zero, ring_rows * plane + pitch);
    for (int y = 0, next = 0; y < w->out_height; y++, out += out_row) {
        const int top = y * w->stride - w->before;
        const int8_t *rows[7];
        int steps[7];
        if (next < top) next = top;
        for (; next < top + kernel && next < w->in_height; next++)
            expand_row(layer, in + next * in_row, ring + next % ring_rows * plane + w->before, pairs);
        for (int i = 0; i < kernel; i++) {
            const int outside = top + i < 0 || top + i >= w->in_height;
            rows[i] = outside ? padding : ring + (top + i) % ring_rows * plane;
            steps[i] = outside ? 0 : pitch;
        }
        run(layer, rows, steps, layer->project ? row : out);
        if (layer->project) project_row(layer, row, in + y * in_row, out, pairs);
    }
}

/* ---- Element by element ---- */

void lm_mean(const lm_mean_layer *layer, const int8_t *in, int8_t *out) {
    const int left = layer->exponent > 0 ? layer->exponent : 0, right = layer->exponent < 0 ? -layer->exponent : 0;
    const int64_t half = right ? 1LL << (right - 1) : 0;
    for (int c = 0; c < layer->channels; c++) {
        int32_t sum = -layer->zero;
        const int8_t *from = in + c;
        for (int i = layer->pixels; i > 0; i--, from += layer->channels) sum += *from;
        const int64_t product = ((int64_t)(sum * (1 << left)) * layer->multiplier + (1LL << 30)) >> 31;
        out[c] = (int8_t)saturate((int32_t)((product + half - (product < 0 && right)) >> right) + layer->out_zero);
    }
}

void lm_scale(const lm_scale_layer *layer, const int8_t *in, const int8_t *gate, int8_t *out) {
    const int channels = layer->channels;
    const int32_t multiplier = layer->scale.multiplier, rounding = layer->scale.rounding, shift = layer->scale.shift;
    for (int c = 0; c < channels; c++) {
        const int32_t factor = 2 * (gate[c] - layer->gate_zero), offset = -layer->zero * factor;
        const int8_t *from = in + c;
        int8_t *to = out + c;
        for (int i = layer->pixels; i > 0; i--, from += channels, to += channels)
            *to = (int8_t)requantise(*from * factor + offset, multiplier, rounding, shift);
    }
}

void lm_add(const lm_add_layer *layer, const int8_t *first, const int8_t *second, int8_t *out, int32_t count) {
    const int32_t *const a = layer->first, *const b = layer->second;
    const int32_t multiplier = layer->scale.multiplier, rounding = layer->scale.rounding, shift = layer->scale.shift;
    for (; count > 0; count--)
        *out++ = (int8_t)requantise(a[(uint8_t)*first++] + b[(uint8_t)*second++], multiplier, rounding, shift);
}
