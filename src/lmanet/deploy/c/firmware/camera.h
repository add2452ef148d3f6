/* A camera's frame as input of the network. */
#ifndef LMANET_CAMERA_H
#define LMANET_CAMERA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills lmanet_input() from an RGB565 frame: its largest square, centred, each pixel the nearest one. */
void lmanet_input_from_rgb565(const uint16_t *frame, int32_t width, int32_t height);

#ifdef __cplusplus
}
#endif

#endif
