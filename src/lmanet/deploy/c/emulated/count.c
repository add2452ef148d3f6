/* Counts instructions for the emulator, which tells of every block of code that it runs. */
#include <stdint.h>

struct counter {
    const uint8_t *code; /* what lies at address 0 and up */
    uint64_t code_bytes;
    uint32_t *known; /* of each halfword of code: bytes << 16 | instructions of the block that starts there, 0 for none yet */
    uint64_t instructions;
    uint64_t limit;
    int (*stop)(void *engine);
};

/* A halfword whose top five bits are 11101, 11110 or 11111 is the first of two (Armv7-M manual, A5.1). */
static uint32_t count_thumb(const uint8_t *code, uint32_t bytes) {
    uint32_t instructions = 0;
    for (uint32_t i = 0; i < bytes; instructions++) i += code[i + 1] >= 0xE8 ? 4 : 2;
    return instructions;
}

/* A halfword whose lowest two bits are 11 is the first of two (RISC-V unprivileged manual, 1.5). */
static uint32_t count_riscv(const uint8_t *code, uint32_t bytes) {
    uint32_t instructions = 0;
    for (uint32_t i = 0; i < bytes; instructions++) i += (code[i] & 3) == 3 ? 4 : 2;
    return instructions;
}

static inline void count_block(void *engine, uint64_t address, uint32_t bytes, struct counter *counter,
                               uint32_t (*count)(const uint8_t *code, uint32_t bytes)) {
    if (address + bytes > counter->code_bytes) { /* nothing else is code of the program */
        counter->stop(engine);
        return;
    }
    uint32_t *known = &counter->known[address / 2];
    if (*known >> 16 != bytes) *known = bytes << 16 | count(counter->code + address, bytes);
    counter->instructions += *known & 0xFFFF;
    if (counter->instructions > counter->limit) counter->stop(engine);
}

void lmanet_count_arm(void *engine, uint64_t address, uint32_t bytes, void *user) {
    count_block(engine, address, bytes, user, count_thumb);
}

void lmanet_count_riscv(void *engine, uint64_t address, uint32_t bytes, void *user) {
    count_block(engine, address, bytes, user, count_riscv);
}
