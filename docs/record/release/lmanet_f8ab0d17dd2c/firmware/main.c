/* Runs the network on one image and compares its logits with those that it gave before; look at the two variables with a debugger. */
#include "check.h"
#include "network.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
/* CoreDebug_BASE + 0x0C, and DWT_BASE + 0x000, 0x004 and 0xFB0 of CMSIS core_cm7.h. */
#define DEMCR REGISTER(0xE000EDFC)
#define DWT_CTRL REGISTER(0xE0001000)
#define DWT_CYCCNT REGISTER(0xE0001004)
#define DWT_LAR REGISTER(0xE0001FB0)

volatile int32_t lmanet_different_logits = -1; /* 0 is right; -1 is not yet done */
volatile uint32_t lmanet_cycles;               /* of the core's clock, for one image */

static void start_cycle_counter(void) {
    DEMCR |= 1u << 24;     /* trace on */
    DWT_LAR = 0xC5ACCE55u; /* a Cortex-M7 keeps the counter locked */
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
}

int main(void) {
    int8_t *input = lmanet_input();
    for (int i = 0; i < LMANET_INPUT_BYTES; i++) input[i] = lmanet_check_image[i];
    start_cycle_counter();
    lmanet_run();
    lmanet_cycles = DWT_CYCCNT;
    int32_t different = 0;
    for (int i = 0; i < LMANET_OUTPUT_BYTES; i++) different += lmanet_output()[i] != lmanet_check_logits[i];
    lmanet_different_logits = different;
    return 0;
}
