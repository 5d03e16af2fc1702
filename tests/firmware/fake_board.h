/* A board for tests of the portable firmware, in one process and without threads: memory between guards, an accelerator
 * that does what it is told to (or fails as it is told to), a clock that moves when it is read, sensors that answer
 * rightly, at random, or not at all. What breaks a rule ends the process. */
#ifndef CODESIGN_FAKE_BOARD_H
#define CODESIGN_FAKE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FAKE_BYTES
#define FAKE_BYTES 4096 /* of shared memory */
#endif

enum {
    FAKE_GUARD_BYTES = 4096,
    FAKE_REGISTER_WORDS = 0x2000,
    FAKE_SENT_BYTES = 1 << 17,
    FAKE_BEAT_BYTES = 8,
    FAKE_BURST_BEATS = 8,
    FAKE_TICK_HZ = 1000
};

enum fake_sensors { FAKE_SENSORS_NONE, FAKE_SENSORS_RIGHT, FAKE_SENSORS_RANDOM };

struct fake_board {
    uint32_t registers[FAKE_REGISTER_WORDS]; /* by offset / 4, as the accelerator has them */
    uint64_t ticks, ticks_per_look;
    uint64_t run_ticks; /* of a run */
    uint64_t run_end;
    bool busy, can_reset;
    uint32_t accesses_to_error; /* register accesses until one fails, and those after it; 0: none does */
    enum fake_sensors sensors;
    uint32_t transfers_to_error; /* on I2C, likewise */
    uint64_t random;
    const char *board;
    uint32_t boots, capabilities;
    uint64_t address; /* of the shared memory, as the accelerator sees it */
    uint32_t runs;
    /* What the shared memory held after the last fake_settle, and what the accelerator has written since. */
    uint8_t shadow[FAKE_BYTES];
};

extern struct fake_board fake;
extern uint8_t fake_sent[FAKE_SENT_BYTES]; /* by the firmware */
extern size_t fake_sent_bytes;

/* As after power on, but for what the firmware itself remembers. */
void fake_power_on(void);

/* An accelerator is there, and answers. */
void fake_accelerator_on(void);

/* Whether nothing outside the shared memory has changed. */
bool fake_guards_hold(void);

/* Nothing outside the shared memory has changed, and within it only `bytes` bytes at `offset`; then these are taken. */
void fake_settle(uint64_t offset, uint64_t bytes);

/* End the process, saying what rule was broken. */
_Noreturn void fake_fail(const char *what);

#endif
