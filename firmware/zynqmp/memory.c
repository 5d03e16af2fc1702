/* What the compiler calls, as there is no C library. Memory is cached and not a device's: any alignment will do. */
#include "string.h"

#include <stdint.h>

typedef uint64_t __attribute__((aligned(1), may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;

    for (; count >= sizeof(word); count -= sizeof(word), out += sizeof(word), in += sizeof(word))
        *(word *)out = *(const word *)in;
    while (count--) *out++ = *in++;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;

    if ((uintptr_t)to - (uintptr_t)from >= count) return memcpy(to, from, count);
    while (count--) out[count] = in[count];
    return to;
}

void *memset(void *to, int value, size_t count) {
    uint8_t *out = to;
    const uint64_t eight = 0x0101010101010101u * (uint8_t)value;

    for (; count >= sizeof(word); count -= sizeof(word), out += sizeof(word)) *(word *)out = eight;
    while (count--) *out++ = (uint8_t)value;
    return to;
}

int memcmp(const void *one, const void *other, size_t count) {
    const uint8_t *a = one, *b = other;

    for (; count; count--, a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}
