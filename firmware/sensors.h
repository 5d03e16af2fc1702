/* Power sensors on I2C: what is where on which board, and how each kind is read. */
#ifndef CODESIGN_SENSORS_H
#define CODESIGN_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "power.h"

/* Kinds of sensors; a host knows their tolerances by these numbers (codesign.power_samples). */
enum { SENSOR_INA226 = 1, SENSOR_IRPS5401 = 2, SENSOR_IR38060 = 3 };

/* A channel of an I2C multiplexer. */
struct segment {
    enum { MUX_PCA9544, MUX_PCA9548 } mux;
    uint8_t address, channel;
};

/* A rail and the sensor that watches it. summed: it is among those that make up the power of the chip and its memory.
 * microohms: of the shunt, INA226 only; page: of the regulator that makes the rail, IRPS5401 only. */
struct rail {
    const char *name;
    const struct segment *segment;
    uint8_t kind, address, page;
    bool summed;
    uint32_t microohms;
};

struct rails {
    const char *board;
    const struct rail *rails;
    uint8_t count;
};

/* The rails of the board of that name; NULL where it has no sensors. */
const struct rails *sensors_of(const char *board);

/* Let `segment` be what the bus reaches. */
bool mux_select(const struct segment *segment);

/* With the rail's segment selected: check what is there, set it up; take a sample. False where the sensor does not
 * answer, is another than expected, or is out of its range. */
bool ina226_begin(const struct rail *rail);
bool ina226_sample(const struct rail *rail, struct power_sample *sample);
bool pmbus_begin(const struct rail *rail);
bool pmbus_sample(const struct rail *rail, struct power_sample *sample);

/* numerator / denominator (above 0), to the nearest, halves away from 0. False where it needs more than 32 bits. */
bool divide_rounded(int64_t numerator, int64_t denominator, int32_t *quotient);

#endif
