// What the sketch uses of Arduino, on the machine that runs the test: it prints to standard output and stops after two delays, or a thousand turns.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>

inline unsigned long micros() {
    static unsigned long now;
    return now += 1500;
}
inline unsigned long millis() { return micros() / 1000; }
inline void delay(unsigned long) {
    static int turns;
    if (++turns == 2) std::exit(0);
}
struct Port {
    void begin(long) {}
    void print(const char *text) { std::printf("%s", text); }
    void print(double number, int digits) { std::printf("%.*f", digits, number); }
    void println(int number) { std::printf("%d\n", number); }
    void println(unsigned long number) { std::printf("%lu\n", number); }
    void println(const char *text) { std::printf("%s\n", text); }
    explicit operator bool() const { return true; }
};
static Port Serial;
void setup();
void loop();
static void (*before_turn)() = nullptr;
int main() {
    setup();
    for (int turn = 0; turn < 1000; turn++) {
        if (before_turn) before_turn();
        loop();
    }
}
