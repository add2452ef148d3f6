/* A microphone's samples, as they come, to classes: features frame by frame, and the network once a hop. */
#ifndef LMANET_STREAM_H
#define LMANET_STREAM_H

#include "lmanet_smooth.h" /* lmanet_posteriors() */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes any number of samples, and gives how many windows they completed; each was classified: see lmanet_output() for its logits.
 * The first is complete when a whole clip was heard, the others follow once a hop (network_sound.h has both). Push no more than a hop
 * at once to see every window. Not for an interrupt: the call that completes a window runs the network. */
int32_t lmanet_push_samples(const int16_t *samples, int32_t count);

/* As if nothing had been heard. */
void lmanet_forget_sound(void);

#ifdef __cplusplus
}
#endif

#endif
