/* Hears a noise that it makes itself, and gives how many logits differ from those of the C where it was deployed. Then it listens. */
#include "check.h"

#include <@PREFIX@.h>
#include <stdio.h>

/* Samples of the microphone: waits for some, and gives how many came; 0 ends the program. Put your driver here. On a computer samples
 * of 16 bits come from the standard input. */
static int read_samples(int16_t *samples, int most) {
#if defined(__unix__) || defined(__APPLE__)
    return (int)fread(samples, sizeof *samples, (size_t)most, stdin);
#else
    (void)samples, (void)most;
    return 0;
#endif
}

static int check(void) {
    int different = 0, windows = 0;
    uint32_t state = 1;
    while (!windows) {
        const int16_t sample = @PREFIX@_check_sample(&state);
        windows = (int)@PREFIX@_push_samples(&sample, 1);
    }
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_heard[i];
    @PREFIX@_forget_sound();
    return different;
}

int main(void) {
    static int16_t samples[@UPPER@_STEP_SAMPLES];
    const int different = check();
    printf("logits that differ: %d\n", different);
    for (int count; (count = read_samples(samples, @UPPER@_STEP_SAMPLES)) > 0;) {
        if (!@PREFIX@_push_samples(samples, count)) continue;
        const int best = @PREFIX@_best();
        printf("%s, probability %.3f\n", @PREFIX@_classes[best], (double)@PREFIX@_probability(best));
    }
    return different;
}
