/* SPDX-License-Identifier: Apache-2.0 */

#ifndef LMANET_NETWORK_H
#define LMANET_NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The image: 32 x 32 x 3 int8, rows of pixels; real = 0.0152551169 * (value - -4) */
#define LMANET_INPUT_HEIGHT 32
#define LMANET_INPUT_WIDTH 32
#define LMANET_INPUT_BYTES 3072
/* One int8 a class; real = 0.0541135781 * (value - -61) */
#define LMANET_OUTPUT_BYTES 100
/* All memory of the network but the stack. */
#define LMANET_ARENA_BYTES 50704
#define LMANET_NUM_STEPS 46

extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps; /* for tools that read the ELF */
extern const int8_t lmanet_input_table[3][256]; /* red, green, blue byte -> value of the image */
/* Name of the class of each logit, in UTF-8. In their order:
 *   0 "apple"
 *   1 "aquarium_fish"
 *   2 "baby"
 *   3 "bear"
 *   4 "beaver"
 *   5 "bed"
 *   6 "bee"
 *   7 "beetle"
 *   8 "bicycle"
 *   9 "bottle"
 *   10 "bowl"
 *   11 "boy"
 *   12 "bridge"
 *   13 "bus"
 *   14 "butterfly"
 *   15 "camel"
 *   16 "can"
 *   17 "castle"
 *   18 "caterpillar"
 *   19 "cattle"
 *   20 "chair"
 *   21 "chimpanzee"
 *   22 "clock"
 *   23 "cloud"
 *   24 "cockroach"
 *   25 "couch"
 *   26 "crab"
 *   27 "crocodile"
 *   28 "cup"
 *   29 "dinosaur"
 *   30 "dolphin"
 *   31 "elephant"
 *   32 "flatfish"
 *   33 "forest"
 *   34 "fox"
 *   35 "girl"
 *   36 "hamster"
 *   37 "house"
 *   38 "kangaroo"
 *   39 "keyboard"
 *   40 "lamp"
 *   41 "lawn_mower"
 *   42 "leopard"
 *   43 "lion"
 *   44 "lizard"
 *   45 "lobster"
 *   46 "man"
 *   47 "maple_tree"
 *   48 "motorcycle"
 *   49 "mountain"
 *   50 "mouse"
 *   51 "mushroom"
 *   52 "oak_tree"
 *   53 "orange"
 *   54 "orchid"
 *   55 "otter"
 *   56 "palm_tree"
 *   57 "pear"
 *   58 "pickup_truck"
 *   59 "pine_tree"
 *   60 "plain"
 *   61 "plate"
 *   62 "poppy"
 *   63 "porcupine"
 *   64 "possum"
 *   65 "rabbit"
 *   66 "raccoon"
 *   67 "ray"
 *   68 "road"
 *   69 "rocket"
 *   70 "rose"
 *   71 "sea"
 *   72 "seal"
 *   73 "shark"
 *   74 "shrew"
 *   75 "skunk"
 *   76 "skyscraper"
 *   77 "snail"
 *   78 "snake"
 *   79 "spider"
 *   80 "squirrel"
 *   81 "streetcar"
 *   82 "sunflower"
 *   83 "sweet_pepper"
 *   84 "table"
 *   85 "tank"
 *   86 "telephone"
 *   87 "television"
 *   88 "tiger"
 *   89 "tractor"
 *   90 "train"
 *   91 "trout"
 *   92 "tulip"
 *   93 "turtle"
 *   94 "wardrobe"
 *   95 "whale"
 *   96 "willow_tree"
 *   97 "wolf"
 *   98 "woman"
 *   99 "worm" */
extern const char *const lmanet_classes[LMANET_OUTPUT_BYTES];

int8_t *lmanet_input(void);        /* where the image goes, before each run: the network works in its place */
const int8_t *lmanet_output(void); /* valid until the next image is written */
void lmanet_run(void);
void lmanet_step(int step); /* one kernel call of lmanet_run */

#ifdef __cplusplus
}
#endif

#endif
