// Classifies one input again and again; prints class, probability and milliseconds.
#include <Arduino.h>
#include <@PREFIX@.h>

#include "check.h"

void setup() {
    Serial.begin(115200);
}

void loop() {
    int8_t *input = @PREFIX@_input(); // in a program of yours: @FILL@
    for (int i = 0; i < @UPPER@_INPUT_BYTES; i++) input[i] = @PREFIX@_check_image[i];
    const unsigned long start = micros();
    @PREFIX@_run();
    const unsigned long took_us = micros() - start;
    const int best = @CHOOSE@;
    int different = 0;
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_logits[i];
    Serial.print(@NAME@);
    Serial.print(", probability ");
    Serial.print(@PREFIX@_probability(@LIKELY@), 3);
    Serial.print(", ");
    Serial.print(took_us / 1000.0, 3);
    Serial.print(" ms, logits that differ from those of the emulated core: ");
    Serial.println(different);
    delay(1000);
}
