#include "lmanet_sound.h"

/* Q30 cosine and sine of a turn's part; both lie in one table. */
typedef struct {
    int32_t cosine, sine;
} angle;

static inline angle angle_of(const lmanet_sound *sound, int32_t part) {
    return (angle){sound->sine[part + sound->fft_size / 4], sound->sine[part]};
}

/* A complex number times e^(-i angle). */
static inline void turn(int32_t *real, int32_t *imaginary, angle by) {
    const int64_t re = *real, im = *imaginary, half = 1 << 29;
    *real = (int32_t)((re * by.cosine + im * by.sine + half) >> 30);
    *imaginary = (int32_t)((im * by.cosine - re * by.sine + half) >> 30);
}

/* Windowed samples as the real and imaginary parts of fft_size / 2 complex numbers, in bit-reversed order. */
static void load(const lmanet_sound *sound, const int16_t *samples, int32_t *work) {
    const int32_t size = sound->fft_size / 2;
    for (int32_t i = 0, reversed = 0; i < size; i++) {
        for (int32_t part = 0; part < 2; part++) {
            const int32_t at = 2 * i + part;
            work[2 * reversed + part] = at < sound->window_samples ? samples[at] * sound->window[at] : 0;
        }
        int32_t bit = size >> 1;
        for (; reversed & bit; bit >>= 1) reversed ^= bit;
        reversed |= bit;
    }
}

/* Halves at each stage, so that a number of 2^30.5 at most stays one: the transform is divided by its size. */
static void transform(const lmanet_sound *sound, int32_t *work) {
    const int32_t size = sound->fft_size / 2;
    for (int32_t length = 2; length <= size; length *= 2) {
        const int32_t step = sound->fft_size / length;
        for (int32_t j = 0; j < length / 2; j++) {
            const angle by = angle_of(sound, j * step);
            for (int32_t i = j; i < size; i += length) {
                int32_t *a = work + 2 * i, *b = a + length;
                int32_t re = b[0], im = b[1];
                turn(&re, &im, by);
                b[0] = (a[0] >> 1) - (re >> 1);
                b[1] = (a[1] >> 1) - (im >> 1);
                a[0] = (a[0] >> 1) + (re >> 1);
                a[1] = (a[1] >> 1) + (im >> 1);
            }
        }
    }
}

/* |X|^2 of a bin of the real signal, where X is its transform divided by fft_size: at most 2^60. */
static uint64_t power_of(const lmanet_sound *sound, const int32_t *z, const int32_t *mirror, int32_t bin) {
    /* of the even samples, and of the odd ones */
    const int32_t even_re = (z[0] >> 1) + (mirror[0] >> 1), even_im = (z[1] >> 1) - (mirror[1] >> 1);
    int32_t odd_re = (z[1] >> 1) + (mirror[1] >> 1), odd_im = (mirror[0] >> 1) - (z[0] >> 1);
    turn(&odd_re, &odd_im, angle_of(sound, bin));
    const int64_t re = ((int64_t)even_re + odd_re) >> 1, im = ((int64_t)even_im + odd_im) >> 1;
    return (uint64_t)(re * re) + (uint64_t)(im * im);
}

/* In the place of each complex number the power of its bin, the lower half first. */
static void powers_of(const lmanet_sound *sound, int32_t *work) {
    const int32_t size = sound->fft_size / 2;
    for (int32_t bin = 0; bin <= size / 2; bin++) {
        const int32_t other = (size - bin) % size;
        int32_t *here = work + 2 * bin, *there = work + 2 * other;
        const uint64_t power = power_of(sound, here, there, bin), mirrored = power_of(sound, there, here, other);
        here[0] = (int32_t)(uint32_t)power;
        here[1] = (int32_t)(uint32_t)(power >> 32);
        there[0] = (int32_t)(uint32_t)mirrored;
        there[1] = (int32_t)(uint32_t)(mirrored >> 32);
    }
}

/* Q16; of 0 as of 1. */
static int32_t log2_of(const lmanet_sound *sound, uint64_t value) {
    if (value == 0) return 0;
    const int32_t exponent = 63 - __builtin_clzll(value);
    const uint32_t after = (uint32_t)((value << (63 - exponent)) >> 31); /* what follows the leading one */
    const uint32_t place = after >> 27, rest = (after >> 11) & 0xFFFF;
    const int32_t low = sound->logarithms[place], high = sound->logarithms[place + 1];
    return exponent * 65536 + low + (int32_t)(((uint32_t)(high - low) * rest) >> 16);
}

/* By Parseval the sum of all powers is at most 2^60 * 3/8 for a Hann window, half of it in these bins: no sum passes 2^62. */
static void bands_of(const lmanet_sound *sound, const int32_t *work, int32_t *bands) {
    const int16_t *weights = sound->weights;
    for (int32_t band = 0; band < sound->bands; band++) {
        uint64_t energy = 0;
        const int32_t first = sound->band_bins[2 * band], bins = sound->band_bins[2 * band + 1];
        for (int32_t bin = first; bin < first + bins; bin++) {
            const uint64_t power = (uint64_t)(uint32_t)work[2 * bin + 1] << 32 | (uint32_t)work[2 * bin];
            energy += (power >> 8) * (uint32_t)*weights++;
        }
        const int32_t logarithm = log2_of(sound, energy);
        bands[band] = logarithm < sound->floor ? sound->floor : logarithm;
    }
}

static int32_t coefficient_of(const lmanet_sound *sound, const int32_t *bands, int32_t number) {
    const int16_t *cosines = sound->cosines + number * sound->bands;
    int64_t sum = 1 << 14;
    for (int32_t band = 0; band < sound->bands; band++) sum += (int64_t)bands[band] * cosines[band];
    return (int32_t)(sum >> 15);
}

static uint8_t byte_of(int32_t value, int32_t lowest, int32_t gain) {
    const int64_t byte = ((int64_t)(value - lowest) * gain + (1LL << 31)) >> 32;
    return (uint8_t)(byte < 0 ? 0 : byte > 255 ? 255 : byte);
}

void lmanet_sound_frame(const lmanet_sound *sound, const int16_t *samples, int32_t *work, uint8_t *features) {
    int32_t *bands = work + sound->fft_size;
    load(sound, samples, work);
    transform(sound, work);
    powers_of(sound, work);
    bands_of(sound, work, bands);
    for (int32_t i = 0; i < sound->columns; i++) {
        const int32_t value = sound->coefficients ? coefficient_of(sound, bands, i) : bands[i];
        features[i] = byte_of(value, sound->lowest[i], sound->gain[i]);
    }
}

void lmanet_sound_clip(const lmanet_sound *sound, const int16_t *samples, int32_t *work, uint8_t *features) {
    for (int32_t frame = 0; frame < sound->frames; frame++)
        lmanet_sound_frame(sound, samples + frame * sound->step_samples, work, features + frame * sound->columns);
}
