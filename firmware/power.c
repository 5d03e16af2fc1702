#include "power.h"

#include <string.h>

#include "hal.h"
#include "protocol.h"
#include "sensors.h"

enum { FLAG_SUMMED = 1 };

uint8_t power_count(void) {
    const struct rails *found = sensors_of(hal_board());

    return found ? found->count : 0;
}

static uint8_t *put_rail(uint8_t *at, const struct rail *rail) {
    at[0] = rail->kind;
    at[1] = rail->summed ? FLAG_SUMMED : 0;
    for (unsigned i = 0; i < 4; i++) at[2 + i] = (uint8_t)(rail->microohms >> 8 * i);
    memset(at + 6, 0, CODESIGN_TEXT_BYTES);
    for (unsigned i = 0; i + 1 < CODESIGN_TEXT_BYTES && rail->name[i]; i++) at[6 + i] = (uint8_t)rail->name[i];
    return at + POWER_RAIL_BYTES;
}

size_t power_rails(uint8_t *out, size_t room) {
    const struct rails *found = sensors_of(hal_board());
    uint8_t *at = out;

    if (!found || (size_t)found->count * POWER_RAIL_BYTES > room) return 0;
    for (uint8_t i = 0; i < found->count; i++) at = put_rail(at, &found->rails[i]);
    return (size_t)(at - out);
}

uint8_t power_begin(void) {
    const struct rails *found = sensors_of(hal_board());

    if (!found) return CODESIGN_STATUS_NO_POWER;
    for (uint8_t i = 0; i < found->count; i++) {
        const struct rail *rail = &found->rails[i];

        if (!mux_select(rail->segment)) return CODESIGN_STATUS_SENSOR;
        if (!(rail->kind == SENSOR_INA226 ? ina226_begin(rail) : pmbus_begin(rail))) return CODESIGN_STATUS_SENSOR;
    }
    return CODESIGN_STATUS_OKAY;
}

/* The segment is selected anew each time: other masters may have moved the multiplexer. */
uint8_t power_sample(uint8_t rail, struct power_sample *sample) {
    const struct rails *found = sensors_of(hal_board());
    const struct rail *one;

    if (!found) return CODESIGN_STATUS_NO_POWER;
    if (rail >= found->count) return CODESIGN_STATUS_OUT_OF_RANGE;
    one = &found->rails[rail];
    if (!mux_select(one->segment)) return CODESIGN_STATUS_SENSOR;
    if (!(one->kind == SENSOR_INA226 ? ina226_sample(one, sample) : pmbus_sample(one, sample)))
        return CODESIGN_STATUS_SENSOR;
    return CODESIGN_STATUS_OKAY;
}
