/* SPDX-License-Identifier: Apache-2.0
 *
 * The last windows -> class and probability, averaged as the stream averages them. */
#ifndef @UPPER@_CLASSIFY_H
#define @UPPER@_CLASSIFY_H

#include "@PREFIX@_network.h"
#include "@PREFIX@_smooth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Number of the class with the largest probability; @PREFIX@_classes has its name. */
static inline int @PREFIX@_best(void) {
    const uint16_t *const posteriors = @PREFIX@_posteriors();
    int best = 0;
    for (int i = 1; i < @UPPER@_OUTPUT_BYTES; i++)
        if (posteriors[i] > posteriors[best]) best = i;
    return best;
}

/* Of a class, 0 to 1. */
static inline float @PREFIX@_probability(int of) {
    return (float)@PREFIX@_posteriors()[of] / 32768.0f;
}

#ifdef __cplusplus
}
#endif

#endif
