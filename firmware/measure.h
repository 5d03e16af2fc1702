/* Power, sampled while nothing runs or while runs go on. */
#ifndef CODESIGN_MEASURE_H
#define CODESIGN_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* The request POWER; returns a CODESIGN_STATUS_. */
uint8_t measure_power(uint32_t run_ms, uint32_t samples, uint8_t *answer, size_t *length);

#endif
