/* A camera's frame as input of the network. */
#ifndef LMANET_CAMERA_H
#define LMANET_CAMERA_H

#include <stdint.h>

/* Whether the network's input may be a picture: of grey or of colour, and of sums that 32 bits hold. network.h has its size. */
#define LMANET_INPUT_CHANNELS (LMANET_INPUT_BYTES / LMANET_INPUT_HEIGHT / LMANET_INPUT_WIDTH)
#define LMANET_HAS_CAMERA \
    ((LMANET_INPUT_CHANNELS == 1 || LMANET_INPUT_CHANNELS == 3) && LMANET_INPUT_HEIGHT <= 2048 && LMANET_INPUT_WIDTH <= 2048)

#ifdef __cplusplus
extern "C" {
#endif

/* Each fills lmanet_input() with the largest centred part of a frame that has the aspect of the network's input, brought to its size.
 * A larger part is averaged by area, a smaller one interpolated: the arithmetic of the training, to the byte. A network of one channel
 * sees colour in grey; without LMANET_HAS_CAMERA there is none of these.
 * The frame stays as it is and no other memory is used. width, height: pixels, the sides of that part 1 to 4096. */
void lmanet_input_from_rgb888(const uint8_t *frame, int32_t width, int32_t height); /* red, green, blue, a byte each */
void lmanet_input_from_rgb565(const uint16_t *frame, int32_t width, int32_t height); /* red in the upper bits */
void lmanet_input_from_grey8(const uint8_t *frame, int32_t width, int32_t height);

#ifdef __cplusplus
}
#endif

#endif
