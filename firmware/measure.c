#include "measure.h"

#include <stdbool.h>

#include "accelerator.h"
#include "bytes.h"
#include "hal.h"
#include "power.h"
#include "protocol.h"

enum { SAMPLE_BYTES = 18, LONGEST_RUN_MS = 60000 };

static uint8_t add_samples(bool running, uint8_t *answer, size_t *length) {
    for (uint8_t rail = 0; rail < power_count(); rail++) {
        struct power_sample sample;
        uint8_t *at = answer + *length;
        const uint64_t ticks = hal_ticks();
        const uint8_t status = power_sample(rail, &sample);

        if (status) return status;
        put64(at, ticks);
        at[8] = rail;
        at[9] = running;
        put32(at + 10, (uint32_t)sample.microvolts);
        put32(at + 14, (uint32_t)sample.microamperes);
        *length += SAMPLE_BYTES;
    }
    return CODESIGN_STATUS_OKAY;
}

/* Runs go on one after another, each sampled until it ends, for `run_ms` or until there are enough samples. */
static uint8_t sample_runs(uint32_t run_ms, size_t wanted, uint8_t *answer, size_t *length) {
    const uint64_t end = hal_ticks() + hal_tick_hz() * run_ms / 1000;
    struct outcome outcome;
    uint8_t status;

    do {
        status = accelerator_start();
        if (status) return status;
        do {
            if (*length < wanted) {
                const uint8_t sensed = add_samples(true, answer, length);

                if (sensed) {
                    (void)accelerator_finish(end, &outcome);
                    return sensed;
                }
            }
            status = accelerator_finish(hal_ticks() + hal_tick_hz() / 1000, &outcome);
        } while (status == CODESIGN_STATUS_TIMEOUT && hal_ticks() < end + hal_tick_hz());
        if (status) return status;
    } while (*length < wanted && hal_ticks() < end);
    return CODESIGN_STATUS_OKAY;
}

uint8_t measure_power(uint32_t run_ms, uint32_t samples, uint8_t *answer, size_t *length) {
    const size_t wanted = (size_t)samples * power_count() * SAMPLE_BYTES;
    uint8_t status;

    *length = 0;
    if (power_count() == 0) return CODESIGN_STATUS_NO_POWER;
    if (samples == 0 || wanted > CODESIGN_MAX_PAYLOAD || run_ms > LONGEST_RUN_MS) return CODESIGN_STATUS_OUT_OF_RANGE;
    status = power_begin();
    if (status == CODESIGN_STATUS_OKAY && run_ms) status = sample_runs(run_ms, wanted, answer, length);
    while (status == CODESIGN_STATUS_OKAY && !run_ms && *length < wanted) status = add_samples(false, answer, length);
    if (status) *length = 0;
    return status;
}
