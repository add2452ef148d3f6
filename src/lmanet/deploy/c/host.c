/* The network as a function of many images, for the machine that compiles it. */
#include "camera.h"
#include "network.h"

#include <stdint.h>
#include <string.h>

#define CHANNELS LMANET_INPUT_CHANNELS

extern const int32_t lmanet_input_shape[3], lmanet_has_camera;
const int32_t lmanet_has_camera = LMANET_HAS_CAMERA;
const int32_t lmanet_input_shape[3] = {CHANNELS, LMANET_INPUT_HEIGHT, LMANET_INPUT_WIDTH};

void lmanet_run_images(const int8_t *images, int8_t *logits, int64_t count);
void lmanet_run_bytes(const uint8_t *bytes, int8_t *logits, int64_t count);
void lmanet_run_frames(const uint8_t *frames, int32_t width, int32_t height, int8_t *logits, int64_t count);

void lmanet_run_images(const int8_t *images, int8_t *logits, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        memcpy(lmanet_input(), images + i * LMANET_INPUT_BYTES, LMANET_INPUT_BYTES);
        lmanet_run();
        memcpy(logits + i * LMANET_OUTPUT_BYTES, lmanet_output(), LMANET_OUTPUT_BYTES);
    }
}

/* Bytes of the data, in the shape of the input. */
void lmanet_run_bytes(const uint8_t *bytes, int8_t *logits, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        for (int j = 0; j < LMANET_INPUT_BYTES; j++) lmanet_input()[j] = lmanet_input_table[j % CHANNELS][*bytes++];
        lmanet_run();
        memcpy(logits + i * LMANET_OUTPUT_BYTES, lmanet_output(), LMANET_OUTPUT_BYTES);
    }
}

/* Frames of red, green and blue bytes, read as on the board. */
void lmanet_run_frames(const uint8_t *frames, int32_t width, int32_t height, int8_t *logits, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
#if LMANET_HAS_CAMERA
        lmanet_input_from_rgb888(frames + 3 * i * width * height, width, height);
#else
        (void)frames, (void)width, (void)height; /* no camera gives this input: nobody calls it */
#endif
        lmanet_run();
        memcpy(logits + i * LMANET_OUTPUT_BYTES, lmanet_output(), LMANET_OUTPUT_BYTES);
    }
}
