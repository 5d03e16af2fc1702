/* What the compiler calls, as there is no C library. Words are taken where both ends are aligned alike: misaligned ones
 * fault. */
#include <stdint.h>

#include "string.h"

typedef uint32_t __attribute__((may_alias)) word;

enum { WORD = sizeof(word) };

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;

    if (((uintptr_t)out ^ (uintptr_t)in) % WORD == 0) {
        for (; count && (uintptr_t)out % WORD; count--) *out++ = *in++;
        for (; count >= WORD; count -= WORD, out += WORD, in += WORD)
            *(word *)(uintptr_t)out = *(const word *)(uintptr_t)in;
    }
    while (count--) *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t count) {
    uint8_t *out = to;
    const uint32_t byte = (uint8_t)value, four = byte | byte << 8 | byte << 16 | byte << 24;

    for (; count && (uintptr_t)out % WORD; count--) *out++ = (uint8_t)value;
    for (; count >= WORD; count -= WORD, out += WORD) *(word *)(uintptr_t)out = four;
    while (count--) *out++ = (uint8_t)value;
    return to;
}
