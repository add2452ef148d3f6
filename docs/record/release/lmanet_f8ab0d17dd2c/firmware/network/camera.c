#include "camera.h"

#include "network.h"

#if LMANET_HAS_CAMERA

#define CHANNELS LMANET_INPUT_CHANNELS

#define INLINE static inline __attribute__((always_inline)) /* so that a frame's reader costs no call a pixel */

typedef struct {
    uint32_t red, green, blue;
} colour;

typedef colour reader(const void *frame, int32_t pixel);

/* The pixels of one axis of the frame that become one pixel of the network, and the weights of their mean. */
typedef struct {
    int32_t first, last;
    uint32_t first_weight, weight, last_weight; /* weight: of those between */
} span;

/* side: pixels of the frame's part; size: pixels that it is brought to. Weights count in units of 1 / size of the frame's pixel, or of
 * half that where the frame is smaller, so that all are integers. */
INLINE span span_of(int32_t pixel, int32_t side, int32_t size) {
    span s = {.weight = (uint32_t)size};
    if (side < size) {
        int32_t centre = (2 * pixel + 1) * side - size; /* from the centre of the frame's first pixel */
        if (centre < 0) centre = 0;
        s.first = centre / (2 * size);
        s.last_weight = (uint32_t)(centre % (2 * size));
        s.first_weight = 2 * (uint32_t)size - s.last_weight;
        s.last = s.first + 1;
        if (s.last == side) { /* beyond the last pixel lies the same again */
            s.last = s.first;
            s.first_weight = 2 * (uint32_t)size;
        }
        return s;
    }
    const int32_t start = pixel * side, end = start + side;
    s.first = start / size;
    s.last = (end - 1) / size;
    s.first_weight = (uint32_t)((s.first + 1) * size - start);
    s.last_weight = (uint32_t)(end - s.last * size);
    return s;
}

INLINE uint32_t weight_of(const span *s, int32_t pixel) {
    return pixel == s->first ? s->first_weight : pixel == s->last ? s->last_weight : s->weight;
}

/* What the network sees of a pixel: where it reads one channel, the grey by the weights of ITU-R 601, in units of 2^-16. */
INLINE colour seen(colour pixel) {
    if (CHANNELS == 3) return pixel;
    const uint32_t grey = (19595 * pixel.red + 38470 * pixel.green + 7471 * pixel.blue + (1u << 15)) >> 16;
    return (colour){grey, grey, grey};
}

/* Pixels of a frame's side that are used: the largest part that has the aspect of the network's input. */
INLINE int32_t part_of(int32_t side, int32_t other, int32_t size, int32_t other_size) {
    const int32_t most = (int32_t)((int64_t)other * size / other_size);
    return most < 1 ? 1 : most < side ? most : side;
}

/* Of all weights of a span. */
INLINE uint32_t total_of(int32_t side, int32_t size) { return (uint32_t)(side < size ? 2 * size : side); }

INLINE colour sum_of(const void *frame, reader *read, int32_t corner, int32_t width, const span *rows, const span *columns) {
    colour sum = {0, 0, 0};
    for (int32_t y = rows->first; y <= rows->last; y++) {
        colour row = {0, 0, 0};
        for (int32_t x = columns->first; x <= columns->last; x++) {
            const colour pixel = seen(read(frame, corner + y * width + x));
            const uint32_t weight = weight_of(columns, x);
            row.red += weight * pixel.red;
            row.green += weight * pixel.green;
            row.blue += weight * pixel.blue;
        }
        const uint32_t weight = weight_of(rows, y);
        sum.red += weight * row.red;
        sum.green += weight * row.green;
        sum.blue += weight * row.blue;
    }
    return sum;
}

INLINE void fill(const void *frame, reader *read, int32_t width, int32_t height) {
    const int32_t high = part_of(height, width, LMANET_INPUT_HEIGHT, LMANET_INPUT_WIDTH);
    const int32_t wide = part_of(width, height, LMANET_INPUT_WIDTH, LMANET_INPUT_HEIGHT);
    const int32_t corner = (height - high) / 2 * width + (width - wide) / 2;
    const uint32_t total = total_of(high, LMANET_INPUT_HEIGHT) * total_of(wide, LMANET_INPUT_WIDTH), half = total / 2;
    int8_t *input = lmanet_input();
    for (int32_t y = 0; y < LMANET_INPUT_HEIGHT; y++) {
        const span rows = span_of(y, high, LMANET_INPUT_HEIGHT);
        for (int32_t x = 0; x < LMANET_INPUT_WIDTH; x++) {
            const span columns = span_of(x, wide, LMANET_INPUT_WIDTH);
            const colour sum = sum_of(frame, read, corner, width, &rows, &columns);
            *input++ = lmanet_input_table[0][(sum.red + half) / total];
            if (CHANNELS == 1) continue;
            *input++ = lmanet_input_table[CHANNELS / 2][(sum.green + half) / total];
            *input++ = lmanet_input_table[CHANNELS - 1][(sum.blue + half) / total];
        }
    }
}

INLINE colour read_rgb888(const void *frame, int32_t pixel) {
    const uint8_t *bytes = (const uint8_t *)frame + 3 * pixel;
    return (colour){bytes[0], bytes[1], bytes[2]};
}

/* Five or six bits become eight so that the brightest stays the brightest. */
INLINE colour read_rgb565(const void *frame, int32_t pixel) {
    const uint32_t bits = ((const uint16_t *)frame)[pixel];
    const uint32_t red = bits >> 11, green = bits >> 5 & 63, blue = bits & 31;
    return (colour){red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2};
}

INLINE colour read_grey8(const void *frame, int32_t pixel) {
    const uint32_t grey = ((const uint8_t *)frame)[pixel];
    return (colour){grey, grey, grey};
}

void lmanet_input_from_rgb888(const uint8_t *frame, int32_t width, int32_t height) { fill(frame, read_rgb888, width, height); }

void lmanet_input_from_rgb565(const uint16_t *frame, int32_t width, int32_t height) { fill(frame, read_rgb565, width, height); }

void lmanet_input_from_grey8(const uint8_t *frame, int32_t width, int32_t height) { fill(frame, read_grey8, width, height); }

#endif
