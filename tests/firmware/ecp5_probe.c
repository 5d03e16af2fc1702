#include <string.h>

#include "crc32.h"
#include "probe.h"
#include "registers.h"

/* At all alignments of both ends, in variables and in the data memory. */
static uint32_t compare_copies(void) {
    static uint8_t from[24], own[24], wanted[24];
    uint8_t *const places[] = {own, hal_shared() + 8};
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < sizeof from; i++) from[i] = (uint8_t)(37 * i + 1);
    for (uint32_t which = 0; which < 2; which++) {
        uint8_t *const to = places[which];

        for (uint32_t run = 0; run < 4 * 4 * 12; run++) {
            const uint32_t at = run % 4, source = run / 4 % 4, count = run / 16;

            for (uint32_t i = 0; i < sizeof wanted; i++) wanted[i] = to[i] = 0x11;
            for (uint32_t i = 0; i < count; i++) wanted[at + i] = from[source + i];
            memcpy(to + at, from + source, count);
            for (uint32_t i = 0; i < sizeof wanted; i++) wrong += to[i] != wanted[i];
            for (uint32_t i = 0; i < count; i++) wanted[at + i] = 0xA5;
            memset(to + at, 0xA5, count);
            for (uint32_t i = 0; i < sizeof wanted; i++) wrong += to[i] != wanted[i];
        }
    }
    return wrong;
}

static uint64_t wait_for_nothing(void) {
    uint8_t byte;
    const uint64_t before = hal_ticks(), late = before + 20000;

    if (hal_receive(&byte, 1, late) != 0 || hal_ticks() < late) return 0;
    return hal_wait_interrupt(late + 20000) ? 0 : hal_ticks() - before;
}

static uint32_t illegal(void) {
    __asm__ volatile(".word 0xFFFFFFFF");
    return 0;
}

static uint64_t try(uint8_t letter) {
    volatile uintptr_t null = 0;
    uint32_t value = 0;

    switch (letter) {
    case 'r': return hal_register_read(CODESIGN_ID, &value) ? value : 0;
    case 'u': return hal_register_read(CODESIGN_CONTROL, &value);
    case 'w': return hal_register_write(CODESIGN_ID, 1);
    case 'o': return hal_register_read(0x10000, &value);
    case 'i': return hal_i2c(0x11, (const uint8_t *)"", 1, (uint8_t *)&value, 1);
    case 'm': return compare_copies();
    case 'k': return crc32((const uint8_t *)"x123456789" + 1, 9);
    case 't': return wait_for_nothing();
    case 'n': *(volatile uint32_t *)null = 1; break;
    case 'e': return *(volatile uint32_t *)(hal_shared() + hal_shared_bytes());
    case 'a': return *(volatile uint32_t *)(uintptr_t)(hal_shared() + 2);
    case 'l': return illegal();
    case 'x': *(volatile uint32_t *)hal_shared() = 0x00008067; ((void (*)(void))(uintptr_t)hal_shared())(); break;
    case 's': return overflow_stack(&value);
    default: break;
    }
    return 0;
}
