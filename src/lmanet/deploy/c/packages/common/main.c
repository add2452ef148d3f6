/* Classifies one input; gives how many logits differ from those of the emulated core. */
#include "check.h"

#include <@PREFIX@.h>
#include <stdio.h>

int main(void) {
    int8_t *input = @PREFIX@_input();
    for (int i = 0; i < @UPPER@_INPUT_BYTES; i++) input[i] = @PREFIX@_check_image[i];
    @PREFIX@_run();
    int different = 0;
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_logits[i];
    const int best = @CHOOSE@;
    printf("%s, probability %.3f, logits that differ: %d\n", @NAME@, (double)@PREFIX@_probability(@LIKELY@), different);
    return different;
}
