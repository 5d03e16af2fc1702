/* The soft core of the system in rtl/system: all that it has is registers. */
#include "hal.h"

#include "link.h"
#include "protocol.h"
#include "registers.h"
#include "system.h"

enum { NAME_WORDS = 4 };

static char board[4 * NAME_WORDS];
static uint32_t boots __attribute__((section(".noinit")));
static struct hal_faults faults;

void firmware_start(void);
void firmware_serve(void);
void fault_count(uint32_t next_instruction, uint32_t pending);

static volatile uint32_t *at(uint32_t base, uint32_t offset) { return (volatile uint32_t *)(uintptr_t)(base + offset); }

static volatile uint32_t *system_register(uint32_t offset) { return at(SYSTEM_SYSTEM_BASE, offset); }

static bool is(uint32_t state) { return *system_register(SYSTEM_STATUS) & state; }

/* Bytes wait in a FIFO of the fabric, which holds all frames that may be under way. */
size_t hal_receive(uint8_t *bytes, size_t room, uint64_t until) {
    size_t count = 0;

    while (count < room) {
        const uint32_t found = *system_register(SYSTEM_RECEIVE);

        if (found & SYSTEM_RECEIVE_VALID) bytes[count++] = (uint8_t)found;
        else if (count || (until && hal_ticks() >= until)) break;
    }
    return count;
}

void hal_send(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while (!is(SYSTEM_STATUS_ROOM)) {}
        *system_register(SYSTEM_SEND) = bytes[i];
    }
}

uint32_t hal_overruns(void) { return *system_register(SYSTEM_OVERRUNS); }

uint64_t hal_ticks(void) {
    const uint32_t low = *system_register(SYSTEM_TIME_LO);

    return low | (uint64_t)*system_register(SYSTEM_TIME_HI) << 32;
}

uint64_t hal_tick_hz(void) { return *system_register(SYSTEM_CLOCK_HZ); }

static bool can_access(uint32_t offset) { return offset < SYSTEM_ACCELERATOR_BYTES && offset % 4 == 0; }

static bool was_refused(void) {
    if (!is(SYSTEM_STATUS_REFUSED)) return false;
    *system_register(SYSTEM_STATUS) = 0;
    return true;
}

bool hal_register_read(uint32_t offset, uint32_t *value) {
    uint32_t found;

    if (!can_access(offset)) return false;
    found = *at(SYSTEM_ACCELERATOR_BASE, offset);
    if (was_refused()) return false;
    *value = found;
    return true;
}

bool hal_register_write(uint32_t offset, uint32_t value) {
    if (!can_access(offset)) return false;
    *at(SYSTEM_ACCELERATOR_BASE, offset) = value;
    return !was_refused();
}

static uint64_t interrupted;

bool hal_wait_interrupt(uint64_t until) {
    while (!is(SYSTEM_STATUS_INTERRUPT))
        if (hal_ticks() >= until) return false;
    interrupted = hal_ticks();
    return true;
}

uint64_t hal_interrupted(void) { return interrupted; }

uint8_t *hal_shared(void) { return (uint8_t *)(uintptr_t)SYSTEM_MEMORY_BASE; }

uint64_t hal_shared_bytes(void) { return *system_register(SYSTEM_MEMORY_BYTES); }

uint64_t hal_shared_address(void) { return 0; }

/* There are no caches. */
void hal_clean(const uint8_t *bytes, size_t count) { (void)bytes, (void)count; }

void hal_invalidate(const uint8_t *bytes, size_t count) { (void)bytes, (void)count; }

bool hal_reset_accelerator(void) {
    *system_register(SYSTEM_CONTROL) = SYSTEM_CONTROL_RESET | SYSTEM_CONTROL_ALIVE;
    return true;
}

bool hal_i2c(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    (void)device, (void)out, (void)out_count, (void)in, (void)in_count;
    return false;
}

const char *hal_board(void) { return board; }

uint32_t hal_capabilities(void) {
    return CODESIGN_CAP_RESET | (is(SYSTEM_STATUS_SIMULATED) ? CODESIGN_CAP_SIMULATED : 0)
        | (is(SYSTEM_STATUS_EMBEDDED) ? CODESIGN_CAP_EMBEDDED : 0);
}

uint32_t hal_boots(void) { return boots; }

struct hal_faults hal_faults(void) { return faults; }

/* address: of what was accessed, where that was nothing, else of the instruction; cause: the core's interrupts, a bit
 * each. */
void fault_count(uint32_t next_instruction, uint32_t pending) {
    const bool is_unmapped = pending >> SYSTEM_CAUSE_UNMAPPED & 1;

    faults.count++;
    faults.address = is_unmapped ? *system_register(SYSTEM_FAULT_ADDRESS) : next_instruction - 4;
    faults.cause = pending;
}

/* Here, too, after a fault: a session goes on. */
void firmware_serve(void) { link_serve(); }

void firmware_start(void) {
    for (uint32_t i = 0; i < sizeof board; i++)
        board[i] = (char)(*system_register(SYSTEM_BOARD_0 + i / 4 * 4) >> i % 4 * 8);
    boots++;
    (void)hal_reset_accelerator(); /* a run may be on since before the core was reset */
    firmware_serve();
}
