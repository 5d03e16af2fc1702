/* A model of a board's power sensors, for firmware that has no board under it. Its watts are invented: whatever is made
 * of them is synthetic, and the HAL that uses it must have CODESIGN_CAP_SYNTHETIC_POWER.
 *
 * Times are in nanoseconds of any clock that never goes back, the same in all calls. */
#ifndef CODESIGN_SENSOR_MODEL_H
#define CODESIGN_SENSOR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The sensors of the board of that name (sensors_boards.c), as after power on. Equal seeds, calls and times make equal
 * values. */
void sensor_model_begin(const char *board, uint64_t seed);

/* From now on the accelerator runs, or does not: it takes some power more while it does. */
void sensor_model_run(bool running, uint64_t now);

/* What the sensors do in a transfer, see hal_i2c. */
bool sensor_model_i2c(uint64_t now, uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in,
                      size_t in_count);

#endif
