/* CRC-32 by the fabric: a word at a time where words are aligned. */
#include "crc32.h"

#include "system.h"

static volatile uint32_t *remainder(void) { return (volatile uint32_t *)(uintptr_t)(SYSTEM_SYSTEM_BASE + SYSTEM_CRC); }

static volatile uint32_t *data(void) { return (volatile uint32_t *)(uintptr_t)(SYSTEM_SYSTEM_BASE + SYSTEM_CRC_DATA); }

uint32_t crc32(const uint8_t *bytes, size_t count) {
    typedef const uint32_t __attribute__((may_alias)) word;
    volatile uint32_t *const words = data();
    volatile uint8_t *const lowest = (volatile uint8_t *)words;

    *remainder() = ~0u;
    for (; count && (uintptr_t)bytes % 4; count--) *lowest = *bytes++;
    for (; count >= 4; count -= 4, bytes += 4) *words = *(word *)(uintptr_t)bytes;
    for (; count; count--) *lowest = *bytes++;
    return ~*remainder();
}
