/* Keeps in the program what an emulator calls that needs no start-up code; nothing of this runs. */
#include "network.h"

void Reset_Handler(void);

void Reset_Handler(void) {
    for (int step = 0; step < LMANET_NUM_STEPS; step++) lmanet_step(step);
    *(volatile int8_t *)lmanet_input() = *lmanet_output();
}
