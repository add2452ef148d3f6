// What the sketch uses of Arduino, on the machine that runs the test: it prints to standard output and stops after two turns.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>

inline unsigned long micros() {
    static unsigned long now;
    return now += 1500;
}
inline void delay(unsigned long) {
    static int turns;
    if (++turns == 2) std::exit(0);
}
struct Port {
    void begin(long) {}
    void print(const char *text) { std::printf("%s", text); }
    void print(double number, int digits) { std::printf("%.*f", digits, number); }
    void println(int number) { std::printf("%d\n", number); }
};
static Port Serial;
void setup();
void loop();
int main() {
    setup();
    for (;;) loop();
}
