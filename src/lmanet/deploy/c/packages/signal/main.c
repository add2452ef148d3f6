/* Reads moments that it makes itself, and gives how many logits differ from those of the C where it was deployed. Then it reads the sensor. */
#include "check.h"

#include <@PREFIX@.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A moment of the sensor: waits for it, and gives whether one came; 0 ends the program. Put your driver here. On a computer a CSV comes from
 * the standard input, a line a moment. Lines that are not @CHANNELS@ numbers, such as a header, are left out. */
static int read_moment(float *values) {
#if defined(__unix__) || defined(__APPLE__)
    static char line[64 * @UPPER@_CHANNELS];
    while (fgets(line, sizeof line, stdin)) {
        char *at = line, *end;
        int count = 0;
        for (; count < @UPPER@_CHANNELS; count++, at = end + (*end == ',')) {
            values[count] = strtof(at, &end);
            if (end == at) break;
        }
        if (count == @UPPER@_CHANNELS && (*at == '\n' || *at == '\r' || *at == '\0')) return 1;
        while (!strchr(line, '\n') && fgets(line, sizeof line, stdin)) { /* the rest of a long line */
        }
    }
#else
    (void)values;
#endif
    return 0;
}

static int check(void) {
    float moment[@UPPER@_CHANNELS];
    int different = 0, windows = 0;
    uint32_t state = 1;
    while (!windows) {
        @PREFIX@_check_moment(&state, moment);
        windows = (int)@PREFIX@_push_moments(moment, 1);
    }
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_felt[i];
    @PREFIX@_forget_moments();
    return different;
}

int main(void) {
    float moment[@UPPER@_CHANNELS];
    const int different = check();
    printf("logits that differ: %d\n", different);
    while (read_moment(moment)) {
        if (!@PREFIX@_push_moments(moment, 1)) continue;
        const int best = @PREFIX@_best();
        printf("%s, probability %.3f\n", @PREFIX@_classes[best], (double)@PREFIX@_probability(best));
    }
    return different;
}
