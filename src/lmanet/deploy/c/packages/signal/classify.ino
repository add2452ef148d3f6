// Reads a sensor; prints class, probability and milliseconds of each window.
#include <Arduino.h>
#include <@PREFIX@.h>

#include "check.h"

// Moments that came and were not felt yet. They are kept while the network runs.
const int ROOM = 129;
static volatile float ring[ROOM][@UPPER@_CHANNELS];
static volatile int newest = 0, oldest = 0;
static volatile unsigned long lost = 0;

// A moment of the sensor, from its interrupt, from a timer, or in loop(): in the order, in the units and at the rate of the recordings.
void felt(const float *values) {
    const int next = (newest + 1) % ROOM;
    if (next == oldest) {
        lost = lost + 1; // the network takes longer than the moments, or nothing reads
    } else {
        for (int i = 0; i < @UPPER@_CHANNELS; i++) ring[newest][i] = values[i];
        newest = next;
    }
}

// Start your sensor here, let it call felt(), and return true.
static bool start_sensor() {
    return false;
}

// Moments by chance that the board makes itself: how many logits differ from those of the C where it was deployed.
static int check() {
    int different = 0;
    uint32_t state = 1;
    for (bool complete = false; !complete;) {
        float moment[@UPPER@_CHANNELS];
        @PREFIX@_check_moment(&state, moment);
        complete = @PREFIX@_push_moments(moment, 1) > 0;
    }
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_felt[i];
    @PREFIX@_forget_moments();
    return different;
}

void setup() {
    Serial.begin(115200);
    while (!Serial && millis() < 5000) {
    }
    Serial.print("logits that differ: ");
    Serial.println(check());
    if (!start_sensor()) Serial.println("no sensor: start_sensor() of this sketch is to be filled in");
}

void loop() {
    if (oldest == newest) return;
    float moment[@UPPER@_CHANNELS];
    for (int i = 0; i < @UPPER@_CHANNELS; i++) moment[i] = ring[oldest][i];
    oldest = (oldest + 1) % ROOM;
    const unsigned long start = micros();
    if (!@PREFIX@_push_moments(moment, 1)) return;
    const unsigned long took_us = micros() - start;
    const int best = @PREFIX@_best();
    Serial.print(@PREFIX@_classes[best]);
    Serial.print(", probability ");
    Serial.print(@PREFIX@_probability(best), 3);
    Serial.print(", ");
    Serial.print(took_us / 1000.0, 3);
    Serial.print(" ms, moments lost: ");
    Serial.println(lost);
}
