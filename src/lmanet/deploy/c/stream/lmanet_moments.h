/* A sensor's values, moment by moment, to classes: bytes in the order of time, and the network once a hop. */
#ifndef LMANET_MOMENTS_H
#define LMANET_MOMENTS_H

#include "lmanet_smooth.h" /* lmanet_posteriors() */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes any number of moments, LMANET_CHANNELS values each, in the units and at the rate of the recordings. It gives how many windows
 * they completed; each was classified: see lmanet_output() for its logits. The first is complete after LMANET_MOMENTS, the others follow
 * every LMANET_HOP_MOMENTS (network_moments.h has both). Push no more than a hop at once to see every window. Not for an interrupt: the
 * call that completes a window runs the network. */
int32_t lmanet_push_moments(const float *values, int32_t count);

/* As if nothing had been felt. */
void lmanet_forget_moments(void);

#ifdef __cplusplus
}
#endif

#endif
