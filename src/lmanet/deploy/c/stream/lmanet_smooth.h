/* Logits of one window after the other to probabilities, averaged over the last windows. */
#ifndef LMANET_SMOOTH_H
#define LMANET_SMOOTH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes what lmanet_output() has. */
void lmanet_smooth(void);

/* Probability of each class in units of 1 / 32768, averaged over the last LMANET_SMOOTHED_WINDOWS windows. */
const uint16_t *lmanet_posteriors(void);

/* As if no window had been classified. */
void lmanet_forget_windows(void);

#ifdef __cplusplus
}
#endif

#endif
