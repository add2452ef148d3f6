/* A program of the shape that the generator writes, by hand: an image of 4 x 4 x 3 bytes in, each negated; 8 sums out. */
#pragma once
#include <stdint.h>

#define LMANET_INPUT_HEIGHT 4
#define LMANET_INPUT_WIDTH 4
#define LMANET_INPUT_BYTES 48
#define LMANET_OUTPUT_BYTES 8
#define LMANET_ARENA_BYTES 64
#define LMANET_NUM_STEPS 2

extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps;
extern const int8_t lmanet_input_table[3][256];

int8_t *lmanet_input(void);
const int8_t *lmanet_output(void);
void lmanet_step(int step);
void lmanet_run(void);
