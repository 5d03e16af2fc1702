#include <string.h>

#include "probe.h"
#include "registers.h"

static uint32_t compare_copies(void) {
    static uint8_t from[80], to[80], wanted[80];
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < sizeof from; i++) from[i] = (uint8_t)(37 * i + 1);
    for (uint32_t at = 0; at < 9; at++) {
        for (uint32_t source = 0; source < 9; source++) {
            for (uint32_t count = 0; count < 40; count++) {
                memcpy(wanted, from, sizeof to);
                memcpy(to, from, sizeof to);
                for (uint32_t i = 0; i < count; i++) wanted[at + i] = from[source + i];
                memmove(to + at, to + source, count);
                wrong += memcmp(to, wanted, sizeof to) != 0;
                for (uint32_t i = 0; i < count; i++) wanted[at + i] = 0xA5;
                memset(to + at, 0xA5, count);
                for (uint32_t i = 0; i < sizeof to; i++) wrong += to[i] != wanted[i];
            }
        }
    }
    return wrong;
}

static uint64_t wait_for_nothing(void) {
    uint8_t byte;
    const uint64_t before = hal_ticks(), late = before + hal_tick_hz() / 20;

    if (hal_receive(&byte, 1, late) != 0 || hal_wait_interrupt(late) || hal_ticks() < late) return 0;
    return hal_wait_interrupt(hal_ticks() + hal_tick_hz() / 20) ? 0 : hal_ticks() - before;
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
    case 't': return wait_for_nothing();
    case 'h': return hal_tick_hz();
    case 'n': return *(volatile uint32_t *)(null + 8);
    case 'c': *(volatile uint32_t *)(uintptr_t)link_serve = 0; break;
    case 'x': *(volatile uint32_t *)hal_shared() = 0xD503201F; ((void (*)(void))(uintptr_t)hal_shared())(); break;
    case 's': return overflow_stack(&value);
    default: break;
    }
    return 0;
}
