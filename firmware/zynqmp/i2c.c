/* The Cadence I2C controller (UG1087) as a master at 100 kHz, polled; every wait ends. */
#include "board.h"
#include "hal.h"

enum { CONTROL = 0x00, STATUS = 0x04, ADDRESS = 0x08, DATA = 0x0C, PENDING = 0x10, SIZE = 0x14, TIMEOUT = 0x1C };
enum { READ = 1 << 0, MASTER = 1 << 1, SEVEN_BITS = 1 << 2, ACKNOWLEDGE = 1 << 3, HOLD = 1 << 4, CLEAR = 1 << 6 };
enum { DIVIDER_SHIFT = 8, DIVIDER = 45, FIFO_BYTES = 16, LONGEST_MS = 10 }; /* 100 MHz / 22 / 46: 98.8 kHz */
enum { COMPLETE = 1 << 0, FAILED = 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9, ALL = 0x2FF, BUSY = 1 << 8 };

static volatile uint32_t *i2c(uint32_t offset) { return device(I2C, offset); }

static bool complete(void) {
    const uint64_t end = hal_ticks() + hal_tick_hz() * LONGEST_MS / 1000;

    for (;;) {
        const uint32_t pending = *i2c(PENDING);

        if (pending & FAILED) return false;
        if (pending & COMPLETE) return true;
        if (hal_ticks() >= end) return false;
    }
}

static void prepare(uint32_t mode) {
    *i2c(CONTROL) = DIVIDER << DIVIDER_SHIFT | CLEAR | ACKNOWLEDGE | SEVEN_BITS | MASTER | HOLD | mode;
    *i2c(PENDING) = ALL;
    *i2c(TIMEOUT) = 0xFF;
}

/* Without it the transfer ends with a stop. */
static void let_go(void) { *i2c(CONTROL) &= ~(uint32_t)HOLD; }

static bool put(uint8_t device_address, const uint8_t *out, size_t count, bool more) {
    prepare(0);
    for (size_t i = 0; i < count; i++) *i2c(DATA) = out[i];
    *i2c(ADDRESS) = device_address;
    if (!more) let_go();
    return complete();
}

static bool get(uint8_t device_address, uint8_t *in, size_t count) {
    prepare(READ);
    *i2c(SIZE) = (uint32_t)count;
    *i2c(ADDRESS) = device_address;
    let_go();
    if (!complete()) return false;
    for (size_t i = 0; i < count; i++) in[i] = (uint8_t)*i2c(DATA);
    return true;
}

bool hal_i2c(uint8_t device_address, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    bool okay;

    if (out_count > FIFO_BYTES || in_count > FIFO_BYTES || out_count + in_count == 0) return false;
    okay = out_count == 0 || put(device_address, out, out_count, in_count > 0);
    if (okay && in_count) okay = get(device_address, in, in_count);
    let_go();
    return okay;
}
