#include "camera.h"

#include "network.h"

/* Five or six bits as eight, so that the brightest stays the brightest. */
static uint8_t from_five(uint32_t bits) { return (uint8_t)(bits << 3 | bits >> 2); }
static uint8_t from_six(uint32_t bits) { return (uint8_t)(bits << 2 | bits >> 4); }

void lmanet_input_from_rgb565(const uint16_t *frame, int32_t width, int32_t height) {
    const int32_t side = width < height ? width : height;
    const uint16_t *corner = frame + (height - side) / 2 * width + (width - side) / 2;
    int8_t *input = lmanet_input();
    for (int32_t y = 0; y < LMANET_INPUT_HEIGHT; y++) {
        const uint16_t *row = corner + (2 * y + 1) * side / (2 * LMANET_INPUT_HEIGHT) * width;
        for (int32_t x = 0; x < LMANET_INPUT_WIDTH; x++) {
            const uint32_t pixel = row[(2 * x + 1) * side / (2 * LMANET_INPUT_WIDTH)];
            *input++ = lmanet_input_table[0][from_five(pixel >> 11)];
            *input++ = lmanet_input_table[1][from_six(pixel >> 5 & 63)];
            *input++ = lmanet_input_table[2][from_five(pixel & 31)];
        }
    }
}
