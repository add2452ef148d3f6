/* SPDX-License-Identifier: Apache-2.0
 *
 * Logits of the last run -> class and probability. These two alone need floating point and expf. */
#ifndef @UPPER@_CLASSIFY_H
#define @UPPER@_CLASSIFY_H

#include "@PREFIX@_network.h"

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Number of the class with the largest logit; @PREFIX@_classes has its name. */
static inline int @PREFIX@_best(void) {
    const int8_t *const logits = @PREFIX@_output();
    int best = 0;
    for (int i = 1; i < @UPPER@_OUTPUT_BYTES; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Of a class, 0 to 1: softmax of the logits. */
static inline float @PREFIX@_probability(int of) {
    const int8_t *const logits = @PREFIX@_output();
    const int8_t most = logits[@PREFIX@_best()];
    float sum = 0;
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) sum += expf(@SCALE@f * (float)(logits[i] - most));
    return expf(@SCALE@f * (float)(logits[of] - most)) / sum;
}

#ifdef __cplusplus
}
#endif

#endif
