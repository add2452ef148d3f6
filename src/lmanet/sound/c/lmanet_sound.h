/* Sound -> features: log-mel energies or cepstral coefficients, in integers alone. Training and board compile this same file. */
#ifndef LMANET_SOUND_H
#define LMANET_SOUND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All tables are constants; lmanet/sound/constants.py makes them and says what their numbers are. */
typedef struct {
    int32_t window_samples, step_samples; /* of a frame, and from one frame to the next */
    int32_t fft_size;                     /* a power of two, at least window_samples */
    int32_t frames, columns;              /* of a clip; of a frame: bands or coefficients */
    int32_t bands, coefficients;          /* coefficients: 0 for the bands themselves */
    int32_t floor;                        /* Q16, the least logarithm of a band: silence looks always the same */
    const int16_t *window;                /* Q15, window_samples */
    const int32_t *sine;                  /* Q30, three quarters of a turn in steps of 1 / fft_size */
    const int16_t *band_bins;             /* of each band: its first bin and how many it has */
    const int16_t *weights;               /* Q12, of the bins of all bands */
    const int32_t *logarithms;            /* Q16, log2 of 1, 1 + 1/32, ... 2 */
    const int16_t *cosines;               /* Q15, coefficients x bands */
    const int32_t *lowest;                /* Q16, of each column: what becomes byte 0 */
    const int32_t *gain;                  /* bytes for one unit of Q16, in units of 2^-32 */
} lmanet_sound;

/* Integers of working memory that both functions need. */
#define LMANET_SOUND_WORK(fft_size, bands) ((fft_size) + (bands))

/* samples: window_samples of them; features: one byte a column. */
void lmanet_sound_frame(const lmanet_sound *sound, const int16_t *samples, int32_t *work, uint8_t *features);

/* samples: of a whole clip; features: frames x columns. */
void lmanet_sound_clip(const lmanet_sound *sound, const int16_t *samples, int32_t *work, uint8_t *features);

#ifdef __cplusplus
}
#endif

#endif
