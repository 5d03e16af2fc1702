#include "commands.h"

#include <string.h>

#include "accelerator.h"
#include "bytes.h"
#include "crc32.h"
#include "hal.h"
#include "measure.h"
#include "power.h"
#include "protocol.h"
#include "registers.h"

_Static_assert(CODESIGN_FINISH_REQUEST_TIMEOUT_MS == CODESIGN_RUN_REQUEST_TIMEOUT_MS
                   && CODESIGN_FINISH_ANSWER_BYTES == CODESIGN_RUN_ANSWER_BYTES,
               "FINISH is asked and answered as RUN");

struct statistics statistics;

bool command_changes(uint8_t op) {
    return op == CODESIGN_OP_WRITE || op == CODESIGN_OP_CONFIGURE || op == CODESIGN_OP_RESET || command_answers(op);
}

bool command_answers(uint8_t op) {
    return op == CODESIGN_OP_RUN || op == CODESIGN_OP_FINISH || op == CODESIGN_OP_POWER;
}

static bool within(uint32_t offset, uint64_t count) {
    return offset <= hal_shared_bytes() && count <= hal_shared_bytes() - offset;
}

static uint8_t identify(uint8_t *answer, size_t *length) {
    struct identity identity;
    const uint8_t status = accelerator_identify(&identity);

    if (status) return status;
    put32(answer + CODESIGN_ACCELERATOR_ANSWER_ID, identity.id);
    put32(answer + CODESIGN_ACCELERATOR_ANSWER_VERSION, identity.version);
    put64(answer + CODESIGN_ACCELERATOR_ANSWER_DIGEST, identity.digest);
    put64(answer + CODESIGN_ACCELERATOR_ANSWER_RTL, identity.rtl);
    put16(answer + CODESIGN_ACCELERATOR_ANSWER_BEAT_BYTES, identity.beat_bytes);
    put16(answer + CODESIGN_ACCELERATOR_ANSWER_BURST_BEATS, identity.burst_beats);
    *length = CODESIGN_ACCELERATOR_ANSWER_BYTES;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t write_memory(const uint8_t *request, size_t count) {
    const uint32_t offset = get32(request + CODESIGN_WRITE_REQUEST_OFFSET);
    const size_t bytes = count - CODESIGN_WRITE_REQUEST_BYTES;

    if (!within(offset, bytes)) return CODESIGN_STATUS_OUT_OF_MEMORY;
    memcpy(hal_shared() + offset, request + CODESIGN_WRITE_REQUEST_DATA, bytes);
    return CODESIGN_STATUS_OKAY;
}

static uint8_t read_memory(const uint8_t *request, uint8_t *answer, size_t *length) {
    const uint32_t offset = get32(request + CODESIGN_READ_REQUEST_OFFSET);
    const uint16_t bytes = get16(request + CODESIGN_READ_REQUEST_LENGTH);

    if (bytes > CODESIGN_MAX_PAYLOAD) return CODESIGN_STATUS_OUT_OF_RANGE;
    if (!within(offset, bytes)) return CODESIGN_STATUS_OUT_OF_MEMORY;
    memcpy(answer, hal_shared() + offset, bytes);
    *length = bytes;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t checksum(const uint8_t *request, uint8_t *answer, size_t *length) {
    const uint32_t offset = get32(request + CODESIGN_CHECKSUM_REQUEST_OFFSET);
    const uint32_t bytes = get32(request + CODESIGN_CHECKSUM_REQUEST_LENGTH);

    if (!within(offset, bytes)) return CODESIGN_STATUS_OUT_OF_MEMORY;
    put32(answer, crc32(hal_shared() + offset, bytes));
    *length = CODESIGN_CHECKSUM_ANSWER_BYTES;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t configure(const uint8_t *request) {
    const struct job job = {
        .program_offset = get32(request + CODESIGN_CONFIGURE_REQUEST_PROGRAM_OFFSET),
        .program_beats = get32(request + CODESIGN_CONFIGURE_REQUEST_PROGRAM_BEATS),
        .output_offset = get32(request + CODESIGN_CONFIGURE_REQUEST_OUTPUT_OFFSET),
        .output_beats = get32(request + CODESIGN_CONFIGURE_REQUEST_OUTPUT_BEATS),
        .watchdog_cycles = get32(request + CODESIGN_CONFIGURE_REQUEST_WATCHDOG_CYCLES),
    };

    return accelerator_configure(&job);
}

/* A function of its own, or its division, which takes a soft core thousands of cycles, is put off until a run is on. */
static __attribute__((noinline)) uint64_t deadline(uint32_t ms) { return hal_ticks() + hal_tick_hz() * ms / 1000; }

/* RUN, and FINISH: one that goes on already. */
static uint8_t run(bool goes_on, const uint8_t *request, uint8_t *answer, size_t *length) {
    const uint32_t ms = get32(request + CODESIGN_RUN_REQUEST_TIMEOUT_MS);
    const uint64_t until = deadline(ms);
    struct outcome outcome;
    uint8_t status = CODESIGN_STATUS_OKAY;

    if (ms > CODESIGN_MAX_WAIT_MS) return CODESIGN_STATUS_OUT_OF_RANGE;
    if (!goes_on) status = accelerator_start();
    if (status == CODESIGN_STATUS_OKAY) status = accelerator_finish(until, &outcome);
    if (status) return status;
    statistics.runs++;
    put32(answer + CODESIGN_RUN_ANSWER_ERROR, outcome.error);
    put32(answer + CODESIGN_RUN_ANSWER_TRACE_ENTRIES, outcome.trace_entries);
    put64(answer + CODESIGN_RUN_ANSWER_TICKS, outcome.ticks);
    for (size_t i = 0; i < CODESIGN_COUNTERS; i++)
        put64(answer + CODESIGN_RUN_ANSWER_COUNTERS + 8 * i, outcome.counters[i]);
    *length = CODESIGN_RUN_ANSWER_BYTES;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t trace(const uint8_t *request, uint8_t *answer, size_t *length) {
    const uint16_t first = get16(request + CODESIGN_TRACE_REQUEST_FIRST);
    const uint16_t count = get16(request + CODESIGN_TRACE_REQUEST_COUNT);
    const uint8_t status = accelerator_trace(first, count, answer);

    if (status == CODESIGN_STATUS_OKAY) *length = (size_t)count * CODESIGN_TRACE_ENTRY_WORDS * 4;
    return status;
}

static uint8_t show_statistics(uint8_t *answer, size_t *length) {
    const struct hal_faults faults = hal_faults();

    put32(answer + CODESIGN_STATISTICS_ANSWER_FRAMES, statistics.frames);
    put32(answer + CODESIGN_STATISTICS_ANSWER_BAD_CRC, statistics.bad_crc);
    put32(answer + CODESIGN_STATISTICS_ANSWER_BAD_FRAMING, statistics.bad_framing);
    put32(answer + CODESIGN_STATISTICS_ANSWER_TOO_LONG, statistics.too_long);
    put32(answer + CODESIGN_STATISTICS_ANSWER_OVERRUNS, hal_overruns());
    put32(answer + CODESIGN_STATISTICS_ANSWER_REPEATED, statistics.repeated);
    put32(answer + CODESIGN_STATISTICS_ANSWER_STALE, statistics.stale);
    put32(answer + CODESIGN_STATISTICS_ANSWER_RUNS, statistics.runs);
    put32(answer + CODESIGN_STATISTICS_ANSWER_FAULTS, faults.count);
    put64(answer + CODESIGN_STATISTICS_ANSWER_FAULT_ADDRESS, faults.address);
    put64(answer + CODESIGN_STATISTICS_ANSWER_FAULT_CAUSE, faults.cause);
    *length = CODESIGN_STATISTICS_ANSWER_BYTES;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t echo(const uint8_t *request, size_t count, uint8_t *answer, size_t *length) {
    memcpy(answer, request, count);
    *length = count;
    return CODESIGN_STATUS_OKAY;
}

static uint8_t rails(uint8_t *answer, size_t *length) {
    if (power_count() == 0) return CODESIGN_STATUS_NO_POWER;
    *length = power_rails(answer, CODESIGN_MAX_PAYLOAD);
    return CODESIGN_STATUS_OKAY;
}

/* Bytes of a request: exactly, or at least where it ends in data. */
static bool length_is_right(uint8_t op, size_t count) {
    switch (op) {
    case CODESIGN_OP_ECHO: return count <= CODESIGN_MAX_PAYLOAD;
    case CODESIGN_OP_WRITE: return count >= CODESIGN_WRITE_REQUEST_BYTES && count <= CODESIGN_MAX_PAYLOAD;
    case CODESIGN_OP_READ: return count == CODESIGN_READ_REQUEST_BYTES;
    case CODESIGN_OP_CHECKSUM: return count == CODESIGN_CHECKSUM_REQUEST_BYTES;
    case CODESIGN_OP_CONFIGURE: return count == CODESIGN_CONFIGURE_REQUEST_BYTES;
    case CODESIGN_OP_RUN: return count == CODESIGN_RUN_REQUEST_BYTES;
    case CODESIGN_OP_FINISH: return count == CODESIGN_FINISH_REQUEST_BYTES;
    case CODESIGN_OP_TRACE: return count == CODESIGN_TRACE_REQUEST_BYTES;
    case CODESIGN_OP_POWER: return count == CODESIGN_POWER_REQUEST_BYTES;
    default: return count == 0;
    }
}

uint8_t command(uint8_t op, const uint8_t *request, size_t count, uint8_t *answer, size_t *length) {
    *length = 0;
    if (!length_is_right(op, count)) return CODESIGN_STATUS_BAD_LENGTH;
    switch (op) {
    case CODESIGN_OP_ECHO: return echo(request, count, answer, length);
    case CODESIGN_OP_ACCELERATOR: return identify(answer, length);
    case CODESIGN_OP_WRITE: return write_memory(request, count);
    case CODESIGN_OP_READ: return read_memory(request, answer, length);
    case CODESIGN_OP_CHECKSUM: return checksum(request, answer, length);
    case CODESIGN_OP_CONFIGURE: return configure(request);
    case CODESIGN_OP_RUN: return run(false, request, answer, length);
    case CODESIGN_OP_FINISH: return run(true, request, answer, length);
    case CODESIGN_OP_TRACE: return trace(request, answer, length);
    case CODESIGN_OP_RAILS: return rails(answer, length);
    case CODESIGN_OP_POWER:
        return measure_power(get32(request + CODESIGN_POWER_REQUEST_RUN_MS),
                             get16(request + CODESIGN_POWER_REQUEST_SAMPLES), answer, length);
    case CODESIGN_OP_RESET: accelerator_reset(); return CODESIGN_STATUS_OKAY;
    case CODESIGN_OP_STATISTICS: return show_statistics(answer, length);
    default: return CODESIGN_STATUS_UNKNOWN_OP;
    }
}
