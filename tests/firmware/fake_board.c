#include "fake_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "hal.h"
#include "registers.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#endif
#ifdef POISONED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { GUARD = 0xA5 };

struct fake_board fake;
uint8_t fake_sent[FAKE_SENT_BYTES];
size_t fake_sent_bytes;

static struct { uint8_t before[FAKE_GUARD_BYTES], shared[FAKE_BYTES], after[FAKE_GUARD_BYTES]; } memory;
static uint8_t guard[FAKE_GUARD_BYTES];

void fake_fail(const char *what) {
    fprintf(stderr, "fake board: %s\n", what);
    abort();
}

static uint32_t *at_register(uint32_t offset) {
    if (offset % 4 || offset / 4 >= FAKE_REGISTER_WORDS) fake_fail("a register that is none");
    return &fake.registers[offset / 4];
}

static uint32_t random32(void) {
    fake.random = fake.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(fake.random >> 32);
}

static void lock_guards(void) {
    ASAN_POISON_MEMORY_REGION(memory.before, FAKE_GUARD_BYTES);
    ASAN_POISON_MEMORY_REGION(memory.after, FAKE_GUARD_BYTES);
}

static void unlock_guards(void) {
    ASAN_UNPOISON_MEMORY_REGION(memory.before, FAKE_GUARD_BYTES);
    ASAN_UNPOISON_MEMORY_REGION(memory.after, FAKE_GUARD_BYTES);
}

void fake_accelerator_on(void) {
    fake.accesses_to_error = 0;
    *at_register(CODESIGN_ID) = CODESIGN_ID_VALUE;
    *at_register(CODESIGN_VERSION) = CODESIGN_VERSION_VALUE;
    *at_register(CODESIGN_DIGEST_LO) = 0x89ABCDEF;
    *at_register(CODESIGN_DIGEST_HI) = 0x01234567;
    *at_register(CODESIGN_BUS) = FAKE_BURST_BEATS << 16 | FAKE_BEAT_BYTES;
}

void fake_power_on(void) {
    const struct fake_board fresh = {.ticks_per_look = 1, .run_ticks = 5, .can_reset = true, .random = 1,
                                     .board = "fake", .address = 0x140000000};

    memset(guard, GUARD, sizeof guard);
    unlock_guards();
    memset(&memory, GUARD, sizeof memory);
    memset(memory.shared, 0, FAKE_BYTES);
    lock_guards();
    fake = fresh;
    fake_sent_bytes = 0;
    fake_accelerator_on();
}

bool fake_guards_hold(void) {
    bool hold;

    unlock_guards();
    hold = !memcmp(memory.before, guard, FAKE_GUARD_BYTES) && !memcmp(memory.after, guard, FAKE_GUARD_BYTES);
    lock_guards();
    return hold;
}

void fake_settle(uint64_t offset, uint64_t bytes) {
    if (!fake_guards_hold()) fake_fail("memory outside has changed");
    if (!memcmp(memory.shared, fake.shadow, FAKE_BYTES)) return;
    for (size_t i = 0; i < FAKE_BYTES; i++)
        if (memory.shared[i] != fake.shadow[i] && (i < offset || i - offset >= bytes))
            fake_fail("memory has changed that the request does not name");
    memcpy(fake.shadow, memory.shared, FAKE_BYTES);
}

/* A run: results are made of the whole program, so that they are right only if all of it and nothing else was there. */
static uint8_t *region(uint32_t address_register, uint32_t beats_register, uint64_t *bytes) {
    const uint64_t from = (*at_register(address_register) | (uint64_t)*at_register(address_register + 4) << 32)
                        - fake.address; /* below it: wraps, and is far too large */

    *bytes = (uint64_t)*at_register(beats_register) * (*at_register(CODESIGN_BUS) & CODESIGN_BUS_BEAT_BYTES);
    if (from > FAKE_BYTES || *bytes > FAKE_BYTES - from) fake_fail("the accelerator would leave the shared memory");
    return memory.shared + from;
}

static const uint8_t *program;
static uint8_t *output;
static uint64_t program_bytes, output_bytes;

static void start_run(void) {
    program = region(CODESIGN_PROGRAM_LO, CODESIGN_BEATS, &program_bytes);
    output = region(CODESIGN_OUTPUT_LO, CODESIGN_OUTPUT_BEATS, &output_bytes);
    if (program < output + output_bytes && output < program + program_bytes) fake_fail("results upon the program");
    if (program_bytes == 0 || output_bytes == 0) fake_fail("a run of nothing");
    fake.busy = true;
    fake.run_end = fake.ticks + fake.run_ticks;
    *at_register(CODESIGN_STATUS) = CODESIGN_STATUS_BUSY;
    *at_register(CODESIGN_INTERRUPT) &= ~CODESIGN_INTERRUPT_PENDING;
}

static void end_run(void) {
    const uint32_t crc = crc32(program, program_bytes);

    for (uint64_t i = 0; i < output_bytes; i++) output[i] = (uint8_t)(crc >> 8 * (i % 4));
    memcpy(fake.shadow + (output - memory.shared), output, output_bytes);
    fake.busy = false;
    fake.runs++;
    *at_register(CODESIGN_STATUS) = CODESIGN_STATUS_DONE;
    *at_register(CODESIGN_INTERRUPT) |= CODESIGN_INTERRUPT_PENDING;
    *at_register(CODESIGN_CYCLES_LO) = crc;
    *at_register(CODESIGN_CYCLES_HI) = fake.runs;
}

static void look(void) {
    fake.ticks += fake.ticks_per_look;
    if (fake.busy && fake.ticks >= fake.run_end) end_run();
}

static bool access_fails(void) {
    if (fake.accesses_to_error > 1) fake.accesses_to_error--;
    return fake.accesses_to_error == 1;
}

bool hal_register_read(uint32_t offset, uint32_t *value) {
    const uint32_t there = *at_register(offset);

    look();
    if (access_fails()) return false;
    *value = there;
    return true;
}

bool hal_register_write(uint32_t offset, uint32_t value) {
    uint32_t *there = at_register(offset);

    look();
    if (access_fails() || (fake.busy && offset != CODESIGN_INTERRUPT)) return false;
    if (offset == CODESIGN_CONTROL) {
        if (value & CODESIGN_CONTROL_START) start_run();
    } else if (offset == CODESIGN_INTERRUPT) {
        *there = (value & CODESIGN_INTERRUPT_ENABLE) | (*there & ~value & CODESIGN_INTERRUPT_PENDING);
    } else {
        *there = value;
    }
    return true;
}

bool hal_wait_interrupt(uint64_t until) {
    const uint32_t wanted = CODESIGN_INTERRUPT_ENABLE | CODESIGN_INTERRUPT_PENDING;

    if (fake.busy && fake.run_end <= until) {
        if (fake.ticks < fake.run_end) fake.ticks = fake.run_end;
        end_run();
    }
    if ((*at_register(CODESIGN_INTERRUPT) & wanted) == wanted) return true;
    if (fake.ticks < until) fake.ticks = until;
    return false;
}

uint64_t hal_interrupted(void) { return fake.run_end; }

uint8_t *hal_shared(void) { return memory.shared; }
uint64_t hal_shared_bytes(void) { return FAKE_BYTES; }
uint64_t hal_shared_address(void) { return fake.address; }

static void check_cached(const uint8_t *at, size_t bytes) {
    if (at < memory.shared || at > memory.after || bytes > (size_t)(memory.after - at))
        fake_fail("cache maintenance outside the shared memory");
}

void hal_clean(const uint8_t *at, size_t bytes) { check_cached(at, bytes); }
void hal_invalidate(const uint8_t *at, size_t bytes) { check_cached(at, bytes); }

bool hal_reset_accelerator(void) {
    if (!fake.can_reset) return false;
    fake.busy = false;
    *at_register(CODESIGN_STATUS) = *at_register(CODESIGN_INTERRUPT) = 0;
    return true;
}

/* Sensors that are right say what the drivers ask for: every multiplexer and page reads as it was written. */
static uint8_t right_byte(uint8_t command, size_t index) {
    static const uint8_t maker[2] = {0x54, 0x49}, die[2] = {0x22, 0x60}, settings[2] = {0x44, 0x97};

    switch (command) {
    case 0xFE: return maker[index % 2];
    case 0xFF: return die[index % 2];
    case 0x00: return settings[index % 2];
    case 0x20: return 0x18; /* VOUT_MODE: linear, exponent -8 */
    default: return (uint8_t)(random32() & (index ? 0x07 : 0xFF));
    }
}

bool hal_i2c(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    static uint8_t last[128], page[128];
    const uint8_t command = out_count ? out[0] : 0;

    if (device >= 128) fake_fail("an I2C address that is none");
    fake.ticks += fake.ticks_per_look;
    if (fake.transfers_to_error > 1) fake.transfers_to_error--;
    if (fake.transfers_to_error == 1 || fake.sensors == FAKE_SENSORS_NONE) return false;
    if (out_count == 2 && command == 0) page[device] = out[1];
    if (out_count == 1 && in_count == 0) last[device] = command;
    for (size_t i = 0; i < in_count; i++) {
        if (fake.sensors == FAKE_SENSORS_RANDOM) in[i] = (uint8_t)random32();
        else if (out_count == 0) in[i] = last[device];
        else if (in_count == 1 && command == 0) in[i] = page[device];
        else in[i] = right_byte(command, i);
    }
    return true;
}

size_t hal_receive(uint8_t *bytes, size_t room, uint64_t until) {
    (void)bytes, (void)room, (void)until;
    return 0;
}

void hal_send(const uint8_t *bytes, size_t count) {
    if (count > FAKE_SENT_BYTES - fake_sent_bytes) fake_fail("answers without end");
    memcpy(fake_sent + fake_sent_bytes, bytes, count);
    fake_sent_bytes += count;
}

uint32_t hal_overruns(void) { return 0; }

uint64_t hal_ticks(void) {
    look();
    return fake.ticks;
}

uint64_t hal_tick_hz(void) { return FAKE_TICK_HZ; }
const char *hal_board(void) { return fake.board; }
uint32_t hal_capabilities(void) { return fake.capabilities; }
uint32_t hal_boots(void) { return fake.boots; }

struct hal_faults hal_faults(void) {
    const struct hal_faults none = {0, 0, 0};

    return none;
}
