#include "measure.h"

#include <stdbool.h>

#include "accelerator.h"
#include "bytes.h"
#include "hal.h"
#include "power.h"
#include "protocol.h"

enum { SAMPLE_BYTES = 18, LATE_MS = 1000 };

/* Sweeps over all rails: when the next is due, and which rail is next in it. */
struct sweeps {
    uint64_t due, spacing;
    uint64_t late; /* when it is, and those there are must do; one there must be */
    uint8_t rail, running;
    uint8_t *begin, *at, *end;
};

static uint64_t ticks_of(uint64_t microseconds) { return hal_tick_hz() * microseconds / 1000000; }

static bool are_done(const struct sweeps *sweeps) {
    const bool has_one = sweeps->at - sweeps->begin >= (ptrdiff_t)power_count() * SAMPLE_BYTES;

    return sweeps->at == sweeps->end || (has_one && hal_ticks() >= sweeps->late);
}

/* The next rail's sample, if it is due. One at a time: a run that ends meanwhile shall not wait for all of them. */
static uint8_t take_sample(struct sweeps *sweeps) {
    const uint64_t now = hal_ticks();
    struct power_sample sample;
    uint8_t status;

    if (sweeps->at == sweeps->end || now < sweeps->due) return CODESIGN_STATUS_OKAY;
    status = power_sample(sweeps->rail, &sample);
    if (status) return status;
    put64(sweeps->at, now);
    sweeps->at[8] = sweeps->rail;
    sweeps->at[9] = sweeps->running;
    put32(sweeps->at + 10, (uint32_t)sample.microvolts);
    put32(sweeps->at + 14, (uint32_t)sample.microamperes);
    sweeps->at += SAMPLE_BYTES;
    if (++sweeps->rail == power_count()) {
        const uint64_t soonest = now + ticks_of(POWER_CONVERSION_US); /* before, values would be the same again */

        sweeps->rail = 0;
        sweeps->due += sweeps->spacing;
        if (sweeps->due < soonest) sweeps->due = soonest;
    }
    return CODESIGN_STATUS_OKAY;
}

/* What goes on of a run, with the samples that are due meanwhile: to its end or to theirs. */
static uint8_t sample_run(struct sweeps *sweeps, struct outcome *outcome) {
    uint8_t status;

    do {
        status = take_sample(sweeps);
        if (status) return status;
        status = accelerator_finish(are_done(sweeps) ? 0 : sweeps->due, outcome);
    } while (status == CODESIGN_STATUS_TIMEOUT && !are_done(sweeps));
    return status;
}

/* Runs one after another until the samples are taken. The first may have begun in a window before, and the last may end
 * in one after: a run may be longer than any. Runs and time count as far as samples tell of them: not while sensors
 * settle, when runs are not held up by sampling. */
static uint8_t sample_runs(struct sweeps *sweeps, uint32_t run_ms, uint8_t *answer) {
    const uint64_t begin = sweeps->due - ticks_of(POWER_CONVERSION_US);
    uint64_t busy = 0, part = 0, now = hal_ticks();
    uint32_t runs = 0;
    struct outcome outcome = {.error = 0};

    sweeps->late = now + ticks_of((run_ms + (uint64_t)LATE_MS) * 1000);
    while (!are_done(sweeps) && !outcome.error) {
        const uint64_t from = now > begin ? now : begin;
        const bool is_early = now < begin;
        const bool begins = !accelerator_is_on();
        uint8_t status = begins ? accelerator_start() : CODESIGN_STATUS_OKAY;

        if (status == CODESIGN_STATUS_OKAY) status = sample_run(sweeps, &outcome);
        if (status != CODESIGN_STATUS_OKAY && status != CODESIGN_STATUS_TIMEOUT) return status;
        now = hal_ticks();
        if (begins && !is_early && status == CODESIGN_STATUS_OKAY) {
            busy += outcome.ticks;
            runs++;
        } else {
            const uint64_t ended = status == CODESIGN_STATUS_OKAY ? hal_interrupted() : now;

            part += ended > from ? ended - from : 0; /* it may have ended before */
        }
    }
    put32(answer + CODESIGN_POWER_ANSWER_ERROR, outcome.error);
    put32(answer + CODESIGN_POWER_ANSWER_RUNS, runs);
    put64(answer + CODESIGN_POWER_ANSWER_TICKS, now > begin ? now - begin : 0);
    put64(answer + CODESIGN_POWER_ANSWER_BUSY_TICKS, busy);
    put64(answer + CODESIGN_POWER_ANSWER_PART_TICKS, part);
    return CODESIGN_STATUS_OKAY;
}

static uint8_t sample_idle(struct sweeps *sweeps, uint8_t *answer) {
    const uint64_t begin = hal_ticks();
    uint8_t status = accelerator_is_on() ? CODESIGN_STATUS_OWING : CODESIGN_STATUS_OKAY;

    while (status == CODESIGN_STATUS_OKAY && sweeps->at != sweeps->end) {
        /* As while a run is on: the processor's own power shall not make the difference. */
        if (hal_ticks() < sweeps->due) (void)hal_wait_interrupt(sweeps->due);
        status = take_sample(sweeps);
    }
    put32(answer + CODESIGN_POWER_ANSWER_ERROR, 0);
    put32(answer + CODESIGN_POWER_ANSWER_RUNS, 0);
    put64(answer + CODESIGN_POWER_ANSWER_TICKS, hal_ticks() - begin);
    put64(answer + CODESIGN_POWER_ANSWER_BUSY_TICKS, 0);
    put64(answer + CODESIGN_POWER_ANSWER_PART_TICKS, 0);
    return status;
}

uint8_t measure_power(uint32_t run_ms, uint32_t samples, uint8_t *answer, size_t *length) {
    const size_t bytes = (size_t)samples * power_count() * SAMPLE_BYTES;
    const uint64_t shortest_us = POWER_SETTLE_US + (uint64_t)samples * POWER_CONVERSION_US;
    const uint64_t run_us = (uint64_t)run_ms * 1000;
    struct sweeps sweeps = {.running = run_ms != 0, .begin = answer + CODESIGN_POWER_ANSWER_SAMPLES};
    uint8_t status;

    *length = 0;
    if (power_count() == 0) return CODESIGN_STATUS_NO_POWER;
    if (samples == 0 || bytes > CODESIGN_MAX_PAYLOAD - CODESIGN_POWER_ANSWER_SAMPLES || run_ms > CODESIGN_MAX_WAIT_MS
        || (run_ms && run_us < shortest_us))
        return CODESIGN_STATUS_OUT_OF_RANGE;
    status = power_begin();
    if (status) return status;
    sweeps.at = sweeps.begin;
    sweeps.end = sweeps.begin + bytes;
    sweeps.due = hal_ticks() + ticks_of(POWER_SETTLE_US);
    sweeps.spacing = ticks_of(run_ms ? (run_us - POWER_SETTLE_US) / samples : POWER_CONVERSION_US);
    status = run_ms ? sample_runs(&sweeps, run_ms, answer) : sample_idle(&sweeps, answer);
    if (status) return status;
    /* Whole sweeps; none where a run ended in an error before. */
    *length = (size_t)(sweeps.at - answer) - (size_t)sweeps.rail * SAMPLE_BYTES;
    return CODESIGN_STATUS_OKAY;
}
