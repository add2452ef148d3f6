// What a sketch uses of the microphone of an Arduino Nano 33 BLE: 20 ms of a file come before each turn of loop().
#pragma once
#include <Arduino.h>

struct Microphone {
    void onReceive(void (*function)()) { came = function; }
    int begin(int channels, int rate) {
        file = std::fopen("samples.raw", "rb");
        the_one = this;
        before_turn = [] { the_one->turn(); };
        return channels == 1 && rate == 16000 && file;
    }
    int available() { return bytes; }
    int read(void *buffer, size_t size) { return (int)std::fread(buffer, 1, size, file); }
    void turn() {
        bytes = (int)(left() < 640 ? left() : 640);
        if (!bytes) std::exit(0);
        came();
    }
    long left() {
        const long at = std::ftell(file);
        std::fseek(file, 0, SEEK_END);
        const long end = std::ftell(file);
        std::fseek(file, at, SEEK_SET);
        return end - at;
    }
    void (*came)() = nullptr;
    std::FILE *file = nullptr;
    int bytes = 0;
    static Microphone *the_one;
};
Microphone *Microphone::the_one = nullptr;
static Microphone PDM;
