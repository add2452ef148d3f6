/* SPDX-License-Identifier: Apache-2.0
 *
 * int8 kernels of the networks that lmanet generates. Tensors are height x width x channels, arithmetic is TensorFlow Lite's reference
 * to the bit. A kernel reads its input front to back while it writes its output front to back, so that the two may overlap as the
 * generator's memory plan says. Every result saturates to int8; an activation that is more than that is a table of 256 values.
 */
#ifndef LMANET_KERNELS_H
#define LMANET_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the sum of one output channel becomes int8: (2 * sum * multiplier / 2^32, rounded) / 2^(shift + 1), rounded, + zero point. In a
 * layer, `halves` is the output's zero point in halves, and one more for the rounding: 2 * zero point + 1. */
typedef struct {
    int32_t bias;       /* doubled; the input's zero point is in it */
    int32_t multiplier; /* 2^30 to 2^31 - 1, or 0 */
    int32_t shift;      /* 0 to 21 */
} lm_channel;

/* A matrix of weights with what follows it. */
typedef struct {
    const int8_t *weights;      /* by pairs of output channels A, B; for each four inputs: A0 B0 A2 B2 A1 B1 A3 B3 */
    const lm_channel *channels; /* an even number; the last may be filler */
    const int8_t *table;        /* of the activation, at value + 128; or 0 */
    int16_t inputs;             /* of each output, before filling up */
    int16_t column;             /* inputs filled up to a multiple of four */
    int16_t outputs;
    int16_t halves;
} lm_dense;

/* Where a window moves over an image. */
typedef struct {
    int16_t in_height, in_width, in_channels;
    int16_t out_height, out_width;
    int8_t kernel, stride, before; /* before: pixels of padding above; in width the same, or lm_across */
    int8_t zero;                   /* the input's zero point, which padding is made of */
} lm_window;

/* How a window moves in width, where that is not as in height. A layer that has it is the layer without it, and this. */
typedef struct {
    int8_t kernel, stride, before; /* before: pixels of padding left */
} lm_across;

typedef struct {
    lm_dense dense;
    lm_window window;
} lm_conv_layer;

typedef struct {
    lm_conv_layer layer;
    lm_across across;
} lm_conv_across_layer;

/* Sum of two tensors. */
typedef struct {
    const int32_t *first, *second; /* what each of 256 values of an input adds, by value as uint8, doubled */
    lm_channel scale;              /* its bias is 0 */
    int32_t halves;
} lm_add_layer;

/* Convolution [-> projection] [+ input] a few pixels at a time. */
typedef struct {
    lm_conv_layer conv;
    const lm_dense *project;  /* or 0 */
    const lm_add_layer *add;  /* or 0; first is what the convolutions make, second the input */
} lm_pixels_layer;

typedef struct {
    lm_pixels_layer layer;
    lm_across across;
} lm_pixels_across_layer;

/* [expansion ->] depthwise convolution [-> projection [+ input]] row by row. */
typedef struct lm_rows_layer lm_rows_layer;
typedef struct lm_depthwise_block lm_depthwise_block; /* for the kernels alone */
typedef void lm_depthwise(const lm_rows_layer *layer, const lm_depthwise_block *block);
struct lm_rows_layer {
    lm_depthwise *depthwise;       /* lm_depthwise_<kernel>_<stride in width>: a program holds those that it names */
    const lm_dense *expand;        /* or 0 */
    const lm_dense *project;       /* or 0 */
    const lm_add_layer *add;       /* or 0; first is the projection, second the input */
    const int8_t *weights;         /* of each channel, row and column of the window; three bytes more can be read */
    const lm_channel *channels;
    const int8_t *table;           /* or 0 */
    int16_t in_channels;           /* of the whole layer's input */
    int16_t pitch;                 /* bytes of a padded row of one channel */
    int16_t halves;                /* of the depthwise convolution, as the window */
    lm_window window;
};

typedef struct {
    lm_rows_layer layer;
    lm_across across;
} lm_rows_across_layer;

typedef struct {
    int32_t pixels, channels; /* 224 x 224 pixels are more than 16 bits hold */
    int32_t zero;       /* the input's zero point times pixels */
    int32_t multiplier; /* TensorFlow Lite's, the division by pixels in it */
    int32_t exponent;
    int32_t out_zero;
} lm_mean_layer;

typedef struct {
    int32_t pixels, channels;
    int16_t zero, gate_zero;
    lm_channel scale;
    int32_t halves;
} lm_scale_layer;

lm_depthwise lm_depthwise_1_1, lm_depthwise_1_2, lm_depthwise_3_1, lm_depthwise_3_2;
lm_depthwise lm_depthwise_5_1, lm_depthwise_5_2, lm_depthwise_7_1, lm_depthwise_7_2;
/* Of signals: one row by so many samples, or the other way round. */
lm_depthwise lm_depthwise_1x3_1, lm_depthwise_1x3_2, lm_depthwise_1x5_1, lm_depthwise_1x5_2, lm_depthwise_1x7_1, lm_depthwise_1x7_2;
lm_depthwise lm_depthwise_3x1_1, lm_depthwise_5x1_1, lm_depthwise_7x1_1;

void lm_conv(const lm_conv_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_pixels(const lm_pixels_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_rows(const lm_rows_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_conv_across(const lm_conv_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_pixels_across(const lm_pixels_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_rows_across(const lm_rows_across_layer *layer, const int8_t *in, int8_t *out, int8_t *scratch);
void lm_mean(const lm_mean_layer *layer, const int8_t *in, int8_t *out);
void lm_scale(const lm_scale_layer *layer, const int8_t *in, const int8_t *gate, int8_t *out);
void lm_add(const lm_add_layer *layer, const int8_t *first, const int8_t *second, int8_t *out, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
