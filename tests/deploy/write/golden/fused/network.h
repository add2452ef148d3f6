/* SPDX-License-Identifier: Apache-2.0 */

#ifndef LMANET_NETWORK_H
#define LMANET_NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The image: 12 x 12 x 3 int8, rows of pixels; real = 0.0199999996 * (value - -1) */
#define LMANET_INPUT_HEIGHT 12
#define LMANET_INPUT_WIDTH 12
#define LMANET_INPUT_BYTES 432
/* One int8 a class; real = 0.0478802472 * (value - -2) */
#define LMANET_OUTPUT_BYTES 10
/* All memory of the network but the stack. */
#define LMANET_ARENA_BYTES 704
#define LMANET_NUM_STEPS 10

extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps; /* for tools that read the ELF */
extern const int8_t lmanet_input_table[3][256]; /* red, green, blue byte -> value of the image */
/* Name of the class of each logit, in UTF-8. In their order:
 *   0 "class0"
 *   1 "class1"
 *   2 "class2"
 *   3 "class3"
 *   4 "class4"
 *   5 "class5"
 *   6 "class6"
 *   7 "class7"
 *   8 "class8"
 *   9 "class9" */
extern const char *const lmanet_classes[LMANET_OUTPUT_BYTES];

int8_t *lmanet_input(void);        /* where the image goes, before each run: the network works in its place */
const int8_t *lmanet_output(void); /* valid until the next image is written */
void lmanet_run(void);
void lmanet_step(int step); /* one kernel call of lmanet_run */

#ifdef __cplusplus
}
#endif

#endif
