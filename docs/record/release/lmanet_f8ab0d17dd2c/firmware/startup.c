/* Start-up of a bare Cortex-M: vector table, floating-point unit where there is one, caches where asked for, .data and .bss, main. */
#include <stdint.h>

extern uint32_t lmanet_data_load, lmanet_data_start, lmanet_data_end, lmanet_bss_start, lmanet_bss_end, lmanet_stack_top;

int main(void);
void Reset_Handler(void);
void HardFault_Handler(void);
void Default_Handler(void);

#define REGISTER(address) (*(volatile uint32_t *)(address))
/* Names and offsets from 0xE000ED00 on: SCB_Type of CMSIS core_cm7.h. */
#define CPACR REGISTER(0xE000ED88)   /* access to coprocessors, the FPU among them */
#define CCR REGISTER(0xE000ED14)     /* cache enable bits */
#define ICIALLU REGISTER(0xE000EF50) /* invalidates the instruction cache */

#ifdef LMANET_CACHES
#define CCSIDR REGISTER(0xE000ED80) /* geometry of the data cache */
#define CSSELR REGISTER(0xE000ED84)
#define DCISW REGISTER(0xE000EF60) /* invalidates a line of the data cache by set and way */

static void enable_caches(void) {
    CSSELR = 0;
    __asm volatile("dsb" ::: "memory");
    const uint32_t sets = (CCSIDR >> 13) & 0x7FFF, ways = (CCSIDR >> 3) & 0x3FF;
    for (uint32_t set = 0; set <= sets; set++)
        for (uint32_t way = 0; way <= ways; way++) DCISW = way << 30 | set << 5; /* four ways, lines of 32 bytes */
    ICIALLU = 0;
    __asm volatile("dsb\nisb" ::: "memory");
    CCR |= 1u << 17 | 1u << 16; /* instruction cache, data cache */
    __asm volatile("dsb\nisb" ::: "memory");
}
#endif

void Reset_Handler(void) {
    CPACR |= 0xFu << 20;
    __asm volatile("dsb\nisb" ::: "memory");
#ifdef LMANET_CACHES
    enable_caches();
#endif
    const uint32_t *from = &lmanet_data_load;
    for (uint32_t *to = &lmanet_data_start; to < &lmanet_data_end;) *to++ = *from++;
    for (uint32_t *to = &lmanet_bss_start; to < &lmanet_bss_end;) *to++ = 0;
    main();
    for (;;) {
    }
}

__attribute__((weak)) void HardFault_Handler(void) {
    for (;;) {
    }
}

void Default_Handler(void) {
    for (;;) {
    }
}

/* The sixteen of the core; the program enables no interrupt of a peripheral. */
__attribute__((section(".isr_vector"), used)) const void *const lmanet_vectors[16] = {
    &lmanet_stack_top, (void *)Reset_Handler,   (void *)Default_Handler, (void *)HardFault_Handler,
    (void *)HardFault_Handler, (void *)HardFault_Handler, (void *)HardFault_Handler, 0, 0, 0, 0,
    (void *)Default_Handler, (void *)Default_Handler, 0, (void *)Default_Handler, (void *)Default_Handler,
};
