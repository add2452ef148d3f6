// Listens; prints class, probability and milliseconds of each window.
#include <Arduino.h>
#include <@PREFIX@.h>

#include "check.h"

#ifdef ARDUINO_ARDUINO_NANO33BLE
#include <PDM.h> // its microphone, by the library of its core
#endif

// Samples that came and were not heard yet. They are kept while the network runs.
const int ROOM = 2 * @UPPER@_HOP_SAMPLES + 1;
static volatile int16_t ring[ROOM];
static volatile int newest = 0, oldest = 0;
static volatile unsigned long lost = 0;

// A microphone's samples, from its callback or interrupt, or in loop().
void heard(const int16_t *samples, int count) {
    for (int i = 0; i < count; i++) {
        const int next = (newest + 1) % ROOM;
        if (next == oldest) {
            lost = lost + 1; // the network takes longer than the sound, or nothing reads
        } else {
            ring[newest] = samples[i];
            newest = next;
        }
    }
}

#ifdef ARDUINO_ARDUINO_NANO33BLE
static void samples_came() {
    static int16_t samples[512];
    int bytes = PDM.available();
    if (bytes > (int)sizeof samples) bytes = (int)sizeof samples;
    PDM.read(samples, bytes);
    heard(samples, bytes / 2);
}

static bool start_microphone() {
    PDM.onReceive(samples_came);
    return PDM.begin(1, @UPPER@_SAMPLE_RATE_HZ);
}
#else
// Another board: start your microphone here, and call heard().
static bool start_microphone() {
    return false;
}
#endif

// A noise that the board makes itself: how many logits differ from those of the C where it was deployed.
static int check() {
    int different = 0;
    uint32_t state = 1;
    for (bool complete = false; !complete;) {
        const int16_t sample = @PREFIX@_check_sample(&state);
        complete = @PREFIX@_push_samples(&sample, 1) > 0;
    }
    for (int i = 0; i < @UPPER@_OUTPUT_BYTES; i++) different += @PREFIX@_output()[i] != @PREFIX@_check_heard[i];
    @PREFIX@_forget_sound();
    return different;
}

void setup() {
    Serial.begin(115200);
    while (!Serial && millis() < 5000) {
    }
    Serial.print("logits that differ: ");
    Serial.println(check());
    if (!start_microphone()) Serial.println("no microphone: start_microphone() of this sketch is to be filled in");
}

void loop() {
    static int16_t samples[@UPPER@_STEP_SAMPLES];
    int count = 0;
    while (count < @UPPER@_STEP_SAMPLES && oldest != newest) {
        samples[count++] = ring[oldest];
        oldest = (oldest + 1) % ROOM;
    }
    const unsigned long start = micros();
    if (!@PREFIX@_push_samples(samples, count)) return;
    const unsigned long took_us = micros() - start;
    const int best = @PREFIX@_best();
    Serial.print(@PREFIX@_classes[best]);
    Serial.print(", probability ");
    Serial.print(@PREFIX@_probability(best), 3);
    Serial.print(", ");
    Serial.print(took_us / 1000.0, 3);
    Serial.print(" ms, samples lost: ");
    Serial.println(lost);
}
