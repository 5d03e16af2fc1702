/* The accelerator: what it is, what it is to run, and a run. */
#ifndef CODESIGN_ACCELERATOR_H
#define CODESIGN_ACCELERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

struct identity {
    uint32_t id, version;
    uint64_t digest, rtl;
    uint16_t beat_bytes, burst_beats;
};

struct job {
    uint32_t program_offset, program_beats, output_offset, output_beats, watchdog_cycles;
};

struct outcome {
    uint32_t error, trace_entries;
    uint64_t ticks, counters[CODESIGN_COUNTERS];
};

/* All return a CODESIGN_STATUS_. */

uint8_t accelerator_identify(struct identity *identity);

/* Take `job` if every address in it lies within the shared memory, else leave what was configured before. */
uint8_t accelerator_configure(const struct job *job);

/* Start a run: results are poisoned first, so that none of an earlier run is taken for one of this. */
uint8_t accelerator_start(void);

/* Whether one goes on, as far as anybody has seen. */
bool accelerator_is_on(void);

/* Wait for its end, at most until hal_ticks reaches `until`: CODESIGN_STATUS_TIMEOUT, and it still goes on. */
uint8_t accelerator_finish(uint64_t until, struct outcome *outcome);

/* Words of the last run's trace entries first..first+count-1. */
uint8_t accelerator_trace(uint32_t first, uint32_t count, uint8_t *words);

/* Forget the configuration, and reset the accelerator where the board can. */
void accelerator_reset(void);

#endif
