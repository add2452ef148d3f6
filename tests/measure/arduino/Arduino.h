/* What the sketch that is measured uses of Arduino, with the clock of the machine that runs the test; Serial is standard input and output. */
#pragma once
#include <cstdint>
#include <ctime>
#include <poll.h>
#include <unistd.h>

inline unsigned long micros() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)now.tv_sec * 1000000ul + (unsigned long)now.tv_nsec / 1000ul;
}
inline void delay(unsigned long ms) { poll(nullptr, 0, (int)ms); }
struct Port {
    void begin(long) {}
    int read() {
        pollfd line = {0, POLLIN, 0};
        unsigned char byte;
        return poll(&line, 1, 0) == 1 && ::read(0, &byte, 1) == 1 ? byte : -1;
    }
    void write(uint8_t byte) { if (::write(1, &byte, 1) != 1) _exit(1); }
    explicit operator bool() const { return true; }
};
static Port Serial;
void setup();
void loop();
