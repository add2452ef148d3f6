/* Runs the network on every image of input.bin and writes its logits, by semihosting: files are those of the emulator's folder.
 *
 * counts.bin: most bytes of stack below main, then timer ticks of each step for the first image. fault.bin: where the program failed.
 * No variable is static, so that .bss is the network's arena and nothing else. */
#include "network.h"

#include <stdint.h>

extern uint32_t lmanet_bss_end;
void HardFault_Handler(void);
__attribute__((used)) void lmanet_report_fault(const uint32_t *frame);

#define REGISTER(address) (*(volatile uint32_t *)(address))
#if defined(__ARM_ARCH_8_1M_MAIN__) || defined(__ARM_FEATURE_MVE) /* clang, gcc */
/* mps3-an547: the counter of the SSE-300, at 32 MHz: once per 31.25 instructions under -icount shift=0. */
static inline void start_timer(void) { REGISTER(0x58100000) = 1; }
static inline uint32_t ticks(void) { return REGISTER(0x58101000); }
#else
/* mps2: a timer at 25 MHz that counts down: once per 40 instructions. */
static inline void start_timer(void) {
    REGISTER(0x40000008) = REGISTER(0x40000004) = 0xFFFFFFFFu; /* reload, value */
    REGISTER(0x40000000) = 1;
}
static inline uint32_t ticks(void) { return ~REGISTER(0x40000004); }
#endif

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };
enum { READ_BINARY = 1, WRITE_BINARY = 5 };
enum { APPLICATION_EXIT = 0x20026, FAULT_STATUS = 3 };
#define PAINT 0xA5A5A5A5u

static inline int32_t host(int32_t operation, const void *argument) {
    register int32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static inline int32_t open_file(const char *name, int32_t mode, int32_t length) {
    const int32_t argument[3] = {(int32_t)name, mode, length};
    return host(SYS_OPEN, argument);
}

static inline int32_t transfer(int32_t operation, int32_t file, const void *data, int32_t bytes) {
    const int32_t argument[3] = {file, (int32_t)data, bytes};
    return host(operation, argument);
}

static inline void leave(int32_t status) {
    const int32_t argument[2] = {APPLICATION_EXIT, status};
    host(SYS_EXIT_EXTENDED, argument);
}

int main(void) {
    const int32_t input = open_file("input.bin", READ_BINARY, 9), output = open_file("output.bin", WRITE_BINARY, 10);
    uint32_t counts[1 + LMANET_NUM_STEPS], *stack;
    start_timer();
    __asm volatile("mov %0, sp" : "=r"(stack));
    for (volatile uint32_t *word = &lmanet_bss_end; word < stack; word++) *word = PAINT;
    for (int image = 0; transfer(SYS_READ, input, lmanet_input(), LMANET_INPUT_BYTES) == 0; image++) {
        for (int step = 0; step < LMANET_NUM_STEPS; step++) {
            const uint32_t before = ticks();
            lmanet_step(step);
            if (image == 0) counts[1 + step] = ticks() - before;
        }
        transfer(SYS_WRITE, output, lmanet_output(), LMANET_OUTPUT_BYTES);
    }
    const volatile uint32_t *deepest = &lmanet_bss_end;
    while (deepest < stack && *deepest == PAINT) deepest++;
    counts[0] = (uint32_t)stack - (uint32_t)deepest;
    transfer(SYS_WRITE, open_file("counts.bin", WRITE_BINARY, 10), counts, sizeof counts);
    leave(0);
    return 0;
}

/* `frame` holds the registers that the core stacked: r0 to r3, r12, lr, pc, xpsr. */
void lmanet_report_fault(const uint32_t *frame) {
    const uint32_t fault[2] = {frame[6], REGISTER(0xE000ED38)}; /* pc, address of the bus fault */
    transfer(SYS_WRITE, open_file("fault.bin", WRITE_BINARY, 9), fault, sizeof fault);
    leave(FAULT_STATUS);
}

__attribute__((naked)) void HardFault_Handler(void) { __asm volatile("mov r0, sp\nb lmanet_report_fault"); }
