/* Texas Instruments INA226 (data sheet SBOS547): 16-bit registers, most significant byte first.
 *
 * Currents come from the shunt's voltage and the shunt: the chip's own current register, and the calibration that it
 * needs, say no more. */
#include "hal.h"
#include "sensors.h"

enum {
    CONFIGURATION = 0x00, SHUNT_VOLTAGE = 0x01, BUS_VOLTAGE = 0x02, MANUFACTURER = 0xFE, DIE = 0xFF,
    MANUFACTURER_TI = 0x5449, DIE_INA226 = 0x2260, DIE_REVISION = 0x000F,
    /* Mean of 16 conversions of 332 us (365 us at most) each of shunt and bus, one after another for ever. */
    AVERAGE_16 = 2 << 9, BUS_332_US = 2 << 6, SHUNT_332_US = 2 << 3, SHUNT_AND_BUS = 7,
    SETTINGS = AVERAGE_16 | BUS_332_US | SHUNT_332_US | SHUNT_AND_BUS,
    SETTINGS_MASK = 0x0FFF, ALWAYS = 0x4000,
    SHUNT_NANOVOLTS = 2500, BUS_MICROVOLTS = 1250
};

_Static_assert(POWER_CONVERSION_US == 16 * (365 + 365), "what the header says of conversions");

static bool read_register(const struct rail *rail, uint8_t number, uint16_t *value) {
    uint8_t bytes[2];

    if (!hal_i2c(rail->address, &number, 1, bytes, 2)) return false;
    *value = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

bool ina226_begin(const struct rail *rail) {
    const uint8_t set_up[3] = {CONFIGURATION, (ALWAYS | SETTINGS) >> 8, SETTINGS & 0xFF};
    uint16_t value;

    if (!read_register(rail, MANUFACTURER, &value) || value != MANUFACTURER_TI) return false;
    if (!read_register(rail, DIE, &value) || (value & ~DIE_REVISION) != DIE_INA226) return false;
    if (!read_register(rail, CONFIGURATION, &value)) return false;
    if ((value & SETTINGS_MASK) == SETTINGS) return true; /* writing would begin the mean anew */
    return hal_i2c(rail->address, set_up, 3, 0, 0) && read_register(rail, CONFIGURATION, &value)
        && (value & SETTINGS_MASK) == SETTINGS;
}

bool ina226_sample(const struct rail *rail, struct power_sample *sample) {
    uint16_t value;
    int32_t shunt;

    if (!read_register(rail, SHUNT_VOLTAGE, &value)) return false;
    shunt = value < 0x8000 ? value : (int32_t)value - 0x10000;
    if (shunt == INT16_MAX || shunt == INT16_MIN) return false; /* the end of its range: it may be any more */
    if (!divide_rounded((int64_t)shunt * SHUNT_NANOVOLTS * 1000, rail->microohms, &sample->microamperes)) return false;
    if (!read_register(rail, BUS_VOLTAGE, &value) || value >= INT16_MAX) return false; /* its sign is never set */
    sample->microvolts = (int32_t)value * BUS_MICROVOLTS;
    return true;
}
