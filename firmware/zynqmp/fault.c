/* Faults of the processor. vectors.S begins the main loop again after one, unless it was expected. */
#include "board.h"
#include "hal.h"

enum { EC_SHIFT = 26, EC_DATA_ABORT = 0x25, EC_SERROR = 0x2F, INSTRUCTION_BYTES = 4 };

static struct hal_faults faults;
static volatile bool expected, happened;

bool fault_expected(uint64_t *resume, uint64_t syndrome, uint64_t address);
void fault_count(uint64_t syndrome, uint64_t address);

void fault_expect(void) {
    happened = false;
    expected = true;
}

/* Writes' errors come when they like, as SError, but no later than their answers. */
bool fault_happened(void) {
    __asm__ volatile("dsb sy\n\tisb" ::: "memory");
    expected = false;
    return happened;
}

bool fault_expected(uint64_t *resume, uint64_t syndrome, uint64_t address) {
    const uint64_t class = syndrome >> EC_SHIFT;
    const bool is_access = class == EC_DATA_ABORT && address - FABRIC < FABRIC_BYTES;

    if (!expected || !(is_access || class == EC_SERROR)) return false;
    happened = true;
    if (is_access) *resume += INSTRUCTION_BYTES; /* leave it out */
    return true;
}

void fault_count(uint64_t syndrome, uint64_t address) {
    faults.count++;
    faults.address = address;
    faults.cause = syndrome;
    expected = false;
    interrupts_abandon();
}

struct hal_faults hal_faults(void) { return faults; }
