/* Memory functions of programs without a C library; compilers emit calls to them of their own accord.
 *
 * To be compiled without recognition of loops as library calls (-fno-builtin, -fno-tree-loop-distribute-patterns): a memcpy whose loop
 * becomes a call to memcpy never returns. */
#include <stddef.h>
#include <stdint.h>

static int is_aligned(const void *a, const void *b) { return (((uintptr_t)a | (uintptr_t)b) & 3) == 0; }

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (is_aligned(to, from))
        for (; bytes >= 4; bytes -= 4, t += 4, f += 4) *(uint32_t *)(void *)t = *(const uint32_t *)(const void *)f;
    while (bytes--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f || t >= f + bytes) return memcpy(to, from, bytes);
    while (bytes--) t[bytes] = f[bytes];
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    uint8_t *t = to;
    const uint32_t word = (uint8_t)value * 0x01010101u;
    if (is_aligned(to, to))
        for (; bytes >= 4; bytes -= 4, t += 4) *(uint32_t *)(void *)t = word;
    while (bytes--) *t++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const uint8_t *p = a, *q = b;
    for (; bytes--; p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}

/* The names that the Arm EABI gives them; its memset has size and value the other way round. */
#define COPY(name, function) \
    void name(void *to, const void *from, size_t bytes); \
    void name(void *to, const void *from, size_t bytes) { function(to, from, bytes); }
#define FILL(name) \
    void name(void *to, size_t bytes, int value); \
    void name(void *to, size_t bytes, int value) { memset(to, value, bytes); }
#define CLEAR(name) \
    void name(void *to, size_t bytes); \
    void name(void *to, size_t bytes) { memset(to, 0, bytes); }
COPY(__aeabi_memcpy, memcpy)
COPY(__aeabi_memcpy4, memcpy)
COPY(__aeabi_memcpy8, memcpy)
COPY(__aeabi_memmove, memmove)
COPY(__aeabi_memmove4, memmove)
COPY(__aeabi_memmove8, memmove)
FILL(__aeabi_memset)
FILL(__aeabi_memset4)
FILL(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
