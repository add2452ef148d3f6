/* SPDX-License-Identifier: Apache-2.0 */
#include "lmanet_inner.h"

INLINE void fill(int8_t *to, int8_t value, int count) {
    const uint32_t word = (uint8_t)value * 0x01010101u;
    for (; count >= 4; count -= 4, to += 4) __builtin_memcpy(to, &word, 4);
    for (; count > 0; count--) *to++ = value;
}

INLINE void copy(int8_t *to, const int8_t *from, int count) {
    for (; count >= 4; count -= 4, to += 4, from += 4) __builtin_memcpy(to, from, 4);
    for (; count > 0; count--) *to++ = *from++;
}

INLINE int within(int value, int most) { return value < 0 ? 0 : value > most ? most : value; }

/* A window in height, and how it moves in width. */
typedef struct {
    const lm_window *down;
    int kernel, stride, before;
} window;

INLINE window square(const lm_window *w) { return (window){w, w->kernel, w->stride, w->before}; }

INLINE window with(const lm_window *w, const lm_across *a) { return (window){w, a->kernel, a->stride, a->before}; }

/* ---- Convolution ---- */

/* The window of an output pixel as a column, row after row; what lies outside the image is the zero point. Where the channels of a pixel
 * do not fill whole words, `bytes` takes the window first. */
static void gather(const window *v, const int8_t *in, int y, int x, int32_t *pairs, int spacing, int8_t *bytes) {
    const lm_window *const w = v->down;
    const int channels = w->in_channels, kernel = v->kernel, row_bytes = kernel * channels, whole = channels % 4 == 0;
    const int left = x * v->stride - v->before, top = y * w->stride - w->before;
    const int begin = within(-left, kernel) * channels, end = within(w->in_width - left, kernel) * channels;
    const uint32_t padding = (uint8_t)w->zero * 0x01010101u;
    int8_t *to = bytes;
    in += (top * w->in_width + left) * channels;
    for (int row = top; row < top + w->kernel; row++, in += w->in_width * channels, to += row_bytes) {
        const int inside = row >= 0 && row < w->in_height;
        const int from = inside ? begin : row_bytes, until = inside && end > begin ? end : from;
        if (whole) {
            for (int i = from; i > 0; i -= 4) pairs = widen_word(pairs, spacing, padding);
            if (until > from) pairs = widen(pairs, spacing, in + from, until - from);
            for (int i = row_bytes - until; i > 0; i -= 4) pairs = widen_word(pairs, spacing, padding);
        } else {
            fill(to, w->zero, from);
            copy(to + from, in + from, until - from);
            fill(to + until, w->zero, row_bytes - until);
        }
    }
    if (!whole) widen(pairs, spacing, bytes, w->kernel * row_bytes);
}

static void conv(const lm_conv_layer *layer, const window *v, const int8_t *in, int8_t *out, int8_t *scratch) {
    const lm_window *w = &layer->window;
    const lm_dense *dense = &layer->dense;
    const int pixels = w->out_height * w->out_width;
    const int pointwise = w->kernel == 1 && w->stride == 1 && v->kernel == 1 && v->stride == 1;
    const int spacing = pixels < BLOCK ? 1 : BLOCK;
    int32_t *const pairs = (int32_t *)(void *)scratch;
    int8_t *const bytes = scratch + spacing * 2 * dense->column;
    int x = 0, y = 0;
    for (int done = 0, block; done < pixels; done += block) {
        block = pixels - done < spacing ? pixels - done : spacing;
        for (int i = 0; i < block; i++) {
            if (pointwise) {
                widen(pairs + i, spacing, in + (done + i) * dense->inputs, dense->inputs);
            } else {
                gather(v, in, y, x, pairs + i, spacing, bytes);
                if (++x == w->out_width) x = 0, y++;
            }
        }
        lm_multiply(dense, pairs, spacing, block, &(lm_target){out, dense->outputs, 1});
        out += block * dense->outputs;
    }
}

void lm_conv(const lm_conv_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = square(&layer->window);
    conv(layer, &v, in, out, scratch);
}

void lm_conv_across(const lm_conv_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = with(&layer->layer.window, &layer->across);
    conv(&layer->layer, &v, in, out, scratch);
}

/* What is made of a block of pixels lies after its columns; so does the window that they are made of, which is not needed any more. */
static void pixel_blocks(const lm_pixels_layer *layer, const window *v, const int8_t *in, int8_t *out, int8_t *scratch) {
    const lm_window *w = &layer->conv.window;
    const lm_dense *dense = &layer->conv.dense, *project = layer->project;
    const int pixels = w->out_height * w->out_width, spacing = pixels < BLOCK ? 1 : BLOCK;
    const int column = project && project->column > dense->column ? project->column : dense->column;
    const int hidden = dense->outputs, outputs = project ? project->outputs : hidden;
    int32_t *const pairs = (int32_t *)(void *)scratch;
    int8_t *const made = scratch + spacing * 2 * column;
    int x = 0, y = 0;
    for (int done = 0, block; done < pixels; done += block) {
        block = pixels - done < spacing ? pixels - done : spacing;
        for (int i = 0; i < block; i++) {
            gather(v, in, y, x, pairs + i, spacing, made);
            if (++x == w->out_width) x = 0, y++;
        }
        lm_multiply(dense, pairs, spacing, block, &(lm_target){made, hidden, 1});
        if (project) {
            for (int i = 0; i < block; i++) widen(pairs + i, spacing, made + i * hidden, hidden);
            lm_multiply(project, pairs, spacing, block, &(lm_target){layer->add ? made : out, outputs, 1});
        }
        if (layer->add) lm_add(layer->add, made, in + done * outputs, out, block * outputs);
        out += block * outputs;
    }
}

void lm_pixels(const lm_pixels_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = square(&layer->conv.window);
    pixel_blocks(layer, &v, in, out, scratch);
}

void lm_pixels_across(const lm_pixels_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = with(&layer->layer.conv.window, &layer->across);
    pixel_blocks(&layer->layer, &v, in, out, scratch);
}

/* ---- Depthwise convolution, alone or between expansion and projection, row by row ---- */

/* One row of the input by channel: `to` is the first pixel of the first channel. */
static void transpose_row(const lm_rows_layer *layer, const int8_t *in, int8_t *to) {
    const int channels = layer->in_channels, pitch = layer->pitch;
    for (int x = 0; x < layer->window.in_width; x++, to++) {
        int8_t *cell = to;
        for (const int8_t *const end = in + (channels & ~3); in != end; in += 4, cell += 4 * pitch) {
            const uint32_t bytes = load4(in);
            cell[0] = (int8_t)bytes, cell[pitch] = (int8_t)(bytes >> 8);
            cell[2 * pitch] = (int8_t)(bytes >> 16), cell[3 * pitch] = (int8_t)(bytes >> 24);
        }
        for (int c = channels & 3; c > 0; c--, cell += pitch) *cell = *in++;
    }
}

static void expand_row(const lm_rows_layer *layer, const int8_t *in, int8_t *to, int32_t *pairs) {
    const int width = layer->window.in_width, channels = layer->in_channels;
    for (int x = 0; x < width; x += BLOCK) {
        const int block = width - x < BLOCK ? width - x : BLOCK;
        for (int i = 0; i < block; i++, in += channels) widen(pairs + i, BLOCK, in, channels);
        lm_multiply(layer->expand, pairs, BLOCK, block, &(lm_target){to + x, 1, layer->pitch});
    }
}

/* One row of the output; `in` is the input's row, with the pixels that are added to it. */
static void output_row(const lm_rows_layer *layer, int stride, lm_depthwise_block *block, const int8_t *in, int8_t *out) {
    const lm_window *w = &layer->window;
    const lm_dense *project = layer->project;
    const int outputs = project ? project->outputs : w->in_channels;
    /* The input may lie where the output goes, so that a sum needs a place in between. */
    int8_t *const sums = layer->add ? (int8_t *)(block->pairs + 2 * project->column) : out;
    for (int left = w->out_width; left > 0; left -= BLOCK, in += BLOCK * outputs, out += BLOCK * outputs) {
        block->pixels = left < BLOCK ? left : BLOCK;
        block->out = out;
        layer->depthwise(layer, block);
        block->ring += BLOCK * stride;
        if (!project) continue;
        lm_multiply(project, block->pairs, BLOCK, block->pixels, &(lm_target){layer->add ? sums : out, outputs, 1});
        if (layer->add) lm_add(layer->add, sums, in, out, block->pixels * outputs);
    }
}

static void rows(const lm_rows_layer *layer, const window *v, const int8_t *in, int8_t *out, int8_t *scratch) {
    const lm_window *w = &layer->window;
    const int plane = w->in_channels * layer->pitch, ring_rows = w->kernel < w->in_height ? w->kernel : w->in_height;
    const int in_row = w->in_width * layer->in_channels;
    const int out_row = w->out_width * (layer->project ? layer->project->outputs : w->in_channels);
    int32_t *const pairs = (int32_t *)(void *)(scratch + ring_rows * plane);
    fill(scratch, w->zero, ring_rows * plane);
    for (int y = 0, next = 0; y < w->out_height; y++, out += out_row) {
        const int top = y * w->stride - w->before, bottom = top + w->kernel;
        if (next < top) next = top;
        for (; next < bottom && next < w->in_height; next++) {
            int8_t *const to = scratch + next % ring_rows * plane + v->before;
            if (layer->expand)
                expand_row(layer, in + next * in_row, to, pairs);
            else
                transpose_row(layer, in + next * in_row, to);
        }
        lm_depthwise_block block = {.ring = scratch, .pairs = layer->project ? pairs : 0,
                                    .first = within(-top, w->kernel), .last = within(w->in_height - top, w->kernel)};
        for (int i = block.first; i < block.last; i++) block.rows[i] = (top + i) % ring_rows * plane;
        output_row(layer, v->stride, &block, in + y * in_row, out);
    }
}

void lm_rows(const lm_rows_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = square(&layer->window);
    rows(layer, &v, in, out, scratch);
}

void lm_rows_across(const lm_rows_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch) {
    const window v = with(&layer->layer.window, &layer->across);
    rows(&layer->layer, &v, in, out, scratch);
}

/* ---- Element by element ---- */

/* Sums of four channels in two pairs of int16, which hold as many pixels as this. */
#define MEAN_PIXELS 256

INLINE int8_t mean(const lm_mean_layer *layer, int32_t sum) {
    const int left = layer->exponent > 0 ? layer->exponent : 0, right = layer->exponent < 0 ? -layer->exponent : 0;
    const int64_t half = right ? 1LL << (right - 1) : 0;
    const int64_t product = ((int64_t)((sum - layer->zero) * (1 << left)) * layer->multiplier + (1LL << 30)) >> 31;
    return (int8_t)saturate((int32_t)((product + half - (product < 0 && right)) >> right) + layer->out_zero);
}

void lm_mean(const lm_mean_layer *layer, const int8_t *in, int8_t *out) {
    const int channels = layer->channels;
    int c = 0;
    for (; c + 4 <= channels; c += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        const int8_t *from = in + c;
        for (int left = layer->pixels; left > 0; left -= MEAN_PIXELS) {
            int32_t even = 0, odd = 0;
            for (int i = left < MEAN_PIXELS ? left : MEAN_PIXELS; i > 0; i--, from += channels) {
                even = add_even(even, load4(from));
                odd = add_odd(odd, load4(from));
            }
            sums[0] += (int16_t)even, sums[2] += even >> 16;
            sums[1] += (int16_t)odd, sums[3] += odd >> 16;
        }
        for (int i = 0; i < 4; i++) out[c + i] = mean(layer, sums[i]);
    }
    for (; c < channels; c++) {
        int32_t sum = 0;
        const int8_t *from = in + c;
        for (int i = layer->pixels; i > 0; i--, from += channels) sum += *from;
        out[c] = mean(layer, sum);
    }
}

void lm_scale(const lm_scale_layer *layer, const int8_t *in, const int8_t *gate, int8_t *out) {
    const int channels = layer->channels;
    const int32_t multiplier = layer->scale.multiplier, shift = layer->scale.shift, rounding = layer->halves * (1 << shift);
    const int32_t zero = (int32_t)((uint16_t)layer->zero * 0x10001u), gate_zero = (int32_t)((uint16_t)layer->gate_zero * 0x10001u);
    for (int left = layer->pixels; left > 0; left--) {
        int c = 0;
        for (; c + 4 <= channels; c += 4, in += 4, out += 4) {
            const uint32_t values = load4(in), gates = load4(gate + c);
            int32_t g = subtract_pairs(widen_even(gates), gate_zero), x = subtract_pairs(widen_even(values), zero);
            int32_t h = subtract_pairs(widen_odd(gates), gate_zero), y = subtract_pairs(widen_odd(values), zero);
            g = add_pairs(g, g), h = add_pairs(h, h);
            out[0] = (int8_t)requantise(low_product(x, g), multiplier, rounding, shift);
            out[1] = (int8_t)requantise(low_product(y, h), multiplier, rounding, shift);
            out[2] = (int8_t)requantise(high_product(x, g), multiplier, rounding, shift);
            out[3] = (int8_t)requantise(high_product(y, h), multiplier, rounding, shift);
        }
        for (; c < channels; c++)
            *out++ = (int8_t)requantise(2 * (*in++ - layer->zero) * (gate[c] - layer->gate_zero), multiplier, rounding, shift);
    }
}

void lm_add(const lm_add_layer *layer, const int8_t *first, const int8_t *second, int8_t *out, int32_t count) {
    const int32_t *const a = layer->first, *const b = layer->second;
    const int32_t multiplier = layer->scale.multiplier, shift = layer->scale.shift, rounding = layer->halves * (1 << shift);
    for (; count > 0; count--)
        *out++ = (int8_t)requantise(a[(uint8_t)*first++] + b[(uint8_t)*second++], multiplier, rounding, shift);
}
