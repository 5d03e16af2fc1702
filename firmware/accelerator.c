#include "accelerator.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "hal.h"
#include "registers.h"

enum { POISON = 0xEE, TRACE_WORDS = CODESIGN_TRACE_ENTRY_WORDS };

static struct job configured;
static struct identity there;
static bool is_configured, is_on;
static uint64_t started;

static uint32_t read_register(uint32_t offset, bool *okay) {
    uint32_t value = 0;

    if (!hal_register_read(offset, &value)) *okay = false;
    return value;
}

static uint64_t read_pair(uint32_t offset, bool *okay) {
    const uint32_t low = read_register(offset, okay);

    return low | (uint64_t)read_register(offset + 4, okay) << 32;
}

uint8_t accelerator_identify(struct identity *identity) {
    bool okay = true;
    uint32_t bus;

    identity->id = read_register(CODESIGN_ID, &okay);
    identity->version = read_register(CODESIGN_VERSION, &okay);
    if (!okay || identity->id != CODESIGN_ID_VALUE || identity->version != CODESIGN_VERSION_VALUE)
        return CODESIGN_STATUS_NO_ACCELERATOR;
    identity->digest = read_pair(CODESIGN_DIGEST_LO, &okay);
    identity->rtl = read_pair(CODESIGN_RTL_LO, &okay);
    bus = read_register(CODESIGN_BUS, &okay);
    identity->beat_bytes = (uint16_t)(bus & CODESIGN_BUS_BEAT_BYTES);
    identity->burst_beats = (uint16_t)(bus >> 16);
    if (!okay || identity->beat_bytes == 0 || identity->burst_beats == 0) return CODESIGN_STATUS_NO_ACCELERATOR;
    return CODESIGN_STATUS_OKAY;
}

uint8_t accelerator_configure(const struct job *job) {
    struct identity identity;
    uint64_t burst_bytes, program_end, output_end;
    const uint64_t base = hal_shared_address();
    const uint8_t status = accelerator_identify(&identity);
    bool okay = true;

    if (status) return status;
    /* A run that took too long still goes on, and may yet write where the next one's program is to be. */
    if (read_register(CODESIGN_STATUS, &okay) & CODESIGN_STATUS_BUSY) return CODESIGN_STATUS_OWING;
    if (!okay) return CODESIGN_STATUS_NO_ACCELERATOR;
    burst_bytes = (uint64_t)identity.beat_bytes * identity.burst_beats;
    program_end = job->program_offset + (uint64_t)job->program_beats * identity.beat_bytes;
    output_end = job->output_offset + (uint64_t)job->output_beats * identity.beat_bytes;
    if (job->program_beats == 0 || job->output_beats == 0 || job->watchdog_cycles == 0)
        return CODESIGN_STATUS_OUT_OF_RANGE;
    if (program_end > hal_shared_bytes() || output_end > hal_shared_bytes()) return CODESIGN_STATUS_OUT_OF_MEMORY;
    if ((base + job->program_offset) % burst_bytes || (base + job->output_offset) % identity.beat_bytes)
        return CODESIGN_STATUS_MISALIGNED;
    if (job->program_offset < output_end && job->output_offset < program_end) return CODESIGN_STATUS_OVERLAP;
    configured = *job;
    is_on = false;
    there = identity;
    is_configured = true;
    return CODESIGN_STATUS_OKAY;
}

static bool write_pair(uint32_t offset, uint64_t value) {
    return hal_register_write(offset, (uint32_t)value) && hal_register_write(offset + 4, (uint32_t)(value >> 32));
}

/* All of them before every run: the fabric may have been loaded again meanwhile. */
static bool write_job(void) {
    const uint64_t base = hal_shared_address();

    return write_pair(CODESIGN_PROGRAM_LO, base + configured.program_offset)
        && hal_register_write(CODESIGN_BEATS, configured.program_beats)
        && write_pair(CODESIGN_OUTPUT_LO, base + configured.output_offset)
        && hal_register_write(CODESIGN_OUTPUT_BEATS, configured.output_beats)
        && hal_register_write(CODESIGN_WATCHDOG, configured.watchdog_cycles)
        && hal_register_write(CODESIGN_INTERRUPT, CODESIGN_INTERRUPT_ENABLE | CODESIGN_INTERRUPT_PENDING);
}

static uint8_t *output(void) { return hal_shared() + configured.output_offset; }

static size_t output_bytes(void) { return (size_t)configured.output_beats * there.beat_bytes; }

uint8_t accelerator_start(void) {
    struct identity now;
    uint8_t status;

    if (!is_configured) return CODESIGN_STATUS_NOT_CONFIGURED;
    status = accelerator_identify(&now);
    if (status) return status;
    if (now.digest != there.digest || now.beat_bytes != there.beat_bytes || now.burst_beats != there.burst_beats)
        return CODESIGN_STATUS_NOT_CONFIGURED; /* another one: what was checked holds no more */
    if (!write_job()) return CODESIGN_STATUS_OWING;
    memset(output(), POISON, output_bytes());
    hal_clean(hal_shared() + configured.program_offset, (size_t)configured.program_beats * there.beat_bytes);
    hal_clean(output(), output_bytes());
    started = hal_ticks();
    if (!hal_register_write(CODESIGN_CONTROL, CODESIGN_CONTROL_START)) return CODESIGN_STATUS_OWING;
    is_on = true;
    return CODESIGN_STATUS_OKAY;
}

bool accelerator_is_on(void) { return is_on; }

uint8_t accelerator_finish(uint64_t until, struct outcome *outcome) {
    bool okay = true;

    if (!is_on) return CODESIGN_STATUS_IDLE;
    if (!hal_wait_interrupt(until)) return CODESIGN_STATUS_TIMEOUT;
    is_on = false;
    outcome->ticks = hal_interrupted() - started;
    outcome->error = read_register(CODESIGN_ERROR, &okay);
    outcome->trace_entries = read_register(CODESIGN_TRACE_COUNT, &okay);
    for (uint32_t i = 0; i < CODESIGN_COUNTERS; i++) outcome->counters[i] = read_pair(CODESIGN_CYCLES_LO + 8 * i, &okay);
    if (!hal_register_write(CODESIGN_INTERRUPT, CODESIGN_INTERRUPT_ENABLE | CODESIGN_INTERRUPT_PENDING)) okay = false;
    hal_invalidate(output(), output_bytes());
    return okay ? CODESIGN_STATUS_OKAY : CODESIGN_STATUS_NO_ACCELERATOR;
}

uint8_t accelerator_trace(uint32_t first, uint32_t count, uint8_t *words) {
    bool okay = true;

    if (first > CODESIGN_TRACE_ENTRIES || count > CODESIGN_TRACE_ENTRIES - first
        || count * TRACE_WORDS * 4 > CODESIGN_MAX_PAYLOAD)
        return CODESIGN_STATUS_OUT_OF_RANGE;
    for (uint32_t entry = first; entry < first + count; entry++)
        for (uint32_t word = 0; word < TRACE_WORDS; word++, words += 4)
            put32(words, read_register(CODESIGN_TRACE + 4 * (CODESIGN_TRACE_STRIDE_WORDS * entry + word), &okay));
    return okay ? CODESIGN_STATUS_OKAY : CODESIGN_STATUS_NO_ACCELERATOR;
}

void accelerator_reset(void) {
    is_configured = is_on = false;
    (void)hal_reset_accelerator();
}
