/* Regulators that speak PMBus (Power System Management Protocol Specification, part II, revision 1.2), least
 * significant byte first: Infineon IRPS5401, one page for each of its five outputs, and IR38060, one output.
 *
 * Currents are in LINEAR11: 5 bits of exponent, 11 of mantissa, both with sign. Output voltages are in LINEAR16: 16 bits
 * of mantissa without sign, whose exponent VOUT_MODE holds. The IR38060 has no VOUT_MODE: its exponent is -8 (Linux,
 * drivers/hwmon/pmbus/ir38064.c, which serves it too). */
#include "hal.h"
#include "sensors.h"

enum {
    PAGE = 0x00, VOUT_MODE = 0x20, READ_VOUT = 0x8B, READ_IOUT = 0x8C,
    VOUT_MODE_KIND = 0xE0, /* above the exponent; 0: linear */
    IR38060_EXPONENT = -8
};

static int32_t with_sign(uint32_t value, unsigned bits) {
    const uint32_t sign = 1u << (bits - 1);

    return (int32_t)((value & (2 * sign - 1)) ^ sign) - (int32_t)sign;
}

static bool read_bytes(const struct rail *rail, uint8_t command, uint8_t *bytes, size_t count) {
    return hal_i2c(rail->address, &command, 1, bytes, count);
}

/* Read back: values of another page would be believed. */
static bool select_page(const struct rail *rail) {
    const uint8_t command[2] = {PAGE, rail->page};
    uint8_t page;

    if (rail->kind != SENSOR_IRPS5401) return true;
    return hal_i2c(rail->address, command, 2, 0, 0) && read_bytes(rail, PAGE, &page, 1) && page == rail->page;
}

static bool read_exponent(const struct rail *rail, int32_t *exponent) {
    uint8_t mode;

    *exponent = IR38060_EXPONENT;
    if (rail->kind == SENSOR_IR38060) return true;
    if (!read_bytes(rail, VOUT_MODE, &mode, 1) || mode & VOUT_MODE_KIND) return false;
    *exponent = with_sign(mode, 5);
    return true;
}

/* mantissa * 2^exponent in millionths; |mantissa| < 2^16 and -16 <= exponent < 16, so 64 bits hold all on the way. */
static bool in_millionths(int32_t mantissa, int32_t exponent, int32_t *value) {
    const int64_t up = exponent > 0 ? (int64_t)1 << exponent : 1, down = exponent < 0 ? (int64_t)1 << -exponent : 1;

    return divide_rounded((int64_t)mantissa * 1000000 * up, down, value);
}

bool pmbus_sample(const struct rail *rail, struct power_sample *sample) {
    uint8_t volts[2], amperes[2];
    int32_t exponent;
    uint32_t current;

    if (!select_page(rail) || !read_exponent(rail, &exponent)) return false;
    if (!read_bytes(rail, READ_VOUT, volts, 2) || !read_bytes(rail, READ_IOUT, amperes, 2)) return false;
    current = (uint32_t)(amperes[0] | amperes[1] << 8);
    return in_millionths(volts[0] | volts[1] << 8, exponent, &sample->microvolts)
        && in_millionths(with_sign(current, 11), with_sign(current >> 11, 5), &sample->microamperes);
}

bool pmbus_begin(const struct rail *rail) {
    struct power_sample sample;

    return pmbus_sample(rail, &sample); /* there is nothing to set up */
}

bool divide_rounded(int64_t numerator, int64_t denominator, int32_t *quotient) {
    const int64_t half = numerator < 0 ? -(denominator / 2) : denominator / 2;
    const int64_t rounded = (numerator + half) / denominator;

    *quotient = (int32_t)rounded;
    return rounded >= INT32_MIN && rounded <= INT32_MAX;
}
