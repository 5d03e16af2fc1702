#include "sensor_model.h"

#include <string.h>

#include "sensors.h"

/* Invented, but of the size that such rails have. Others have what the first line says. */
static const struct load {
    const char *rail;
    int32_t millivolts, idle_milliamperes, run_milliamperes;
} loads[] = {
    {"", 1800, 40, 0},           {"VCCINT", 850, 620, 540},    {"VCCBRAM", 850, 35, 12},  {"INT", 850, 480, 430},
    {"CORE", 850, 550, 500},     {"MEMORY", 1100, 210, 90},    {"PSDDR", 1100, 230, 80},  {"VCCPSDDR", 1200, 420, 95},
    {"VCCPSINTFP", 850, 900, 0}, {"VCCPSINTLP", 850, 290, 0},  {"PSINT_FP", 850, 700, 0}, {"PSINT_LP", 850, 240, 0},
    {"VSYS", 12000, 520, 110},   {"VCC3V3", 3300, 15, 0},      {"3V3", 3300, 160, 0},     {"5V", 5000, 300, 0},
    {"VCC1V2", 1200, 25, 0},     {"MGTRAVCC", 850, 10, 0},     {"1V2", 1200, 60, 0},      {"3V3_D", 3300, 20, 0},
};

enum {
    CONVERSION_NS = 16 * 2 * 332000, ONE = 1 << 16, MOST_RAILS = 32,
    MANUFACTURER_TI = 0x5449, DIE_INA226 = 0x2260, CONFIGURATION_RESET = 0x4127,
    IRPS5401_EXPONENT = -9, IR38060_EXPONENT = -8, IOUT_EXPONENT = -7
};

static const struct rails *rails;
static uint64_t noise;
static struct {
    uint16_t configuration, shunt, bus;
    uint8_t pointer;
} sensors[MOST_RAILS]; /* of each rail: its INA226, or its regulator, which keeps its page in the pointer */
static uint8_t control[128]; /* of multiplexers, by address */

/* Conversions of all sensors begin together. share: of the last one in which the accelerator ran, of ONE. */
static struct {
    uint64_t begin, since, busy;
    bool running;
    int32_t share;
} load;

/* Marsaglia, Xorshift RNGs, Journal of Statistical Software 8(14), 2003. */
static int32_t random_below(int32_t bound) {
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return (int32_t)((noise >> 32) % (uint64_t)bound);
}

void sensor_model_begin(const char *board, uint64_t seed) {
    rails = sensors_of(board);
    noise = seed * 2 + 1;
    memset(control, 0, sizeof control);
    memset(sensors, 0, sizeof sensors);
    memset(&load, 0, sizeof load);
    for (int i = 0; i < MOST_RAILS; i++) sensors[i].configuration = CONFIGURATION_RESET;
}

static const struct load *load_of(const char *rail) {
    for (size_t i = 1; i < sizeof loads / sizeof loads[0]; i++)
        if (strcmp(loads[i].rail, rail) == 0) return &loads[i];
    return &loads[0];
}

/* Mean current over the last conversion, and a per cent of noise either way. */
static int64_t microamperes(const struct rail *rail) {
    const struct load *of = load_of(rail->name);
    const int64_t mean = of->idle_milliamperes * 1000 + of->run_milliamperes * (int64_t)load.share * 1000 / ONE;

    return mean + mean * (random_below(2001) - 1000) / 100000;
}

static void convert(void) {
    for (uint8_t i = 0; i < rails->count; i++) {
        const struct rail *rail = &rails->rails[i];

        if (rail->kind != SENSOR_INA226) continue;
        sensors[i].shunt = (uint16_t)(microamperes(rail) * rail->microohms / 2500000);
        sensors[i].bus = (uint16_t)(load_of(rail->name)->millivolts * 100 / 125);
    }
}

static void account(uint64_t until) {
    if (load.running) load.busy += until - load.since;
    load.since = until;
}

/* End the conversions that end before now; of many, the last one says it all. */
static void advance(uint64_t now) {
    if (load.begin == 0) load.begin = load.since = now;
    while (rails && now - load.begin >= CONVERSION_NS) {
        const uint64_t behind = (now - load.begin) / CONVERSION_NS;

        account(load.begin + CONVERSION_NS);
        load.share = (int32_t)(load.busy * ONE / CONVERSION_NS);
        load.begin += CONVERSION_NS;
        if (behind > 2) load.begin = load.since = load.begin + (behind - 2) * CONVERSION_NS;
        load.busy = 0;
        convert();
    }
    account(now);
}

void sensor_model_run(bool running, uint64_t now) {
    advance(now);
    load.running = running;
}

static bool reached(const struct segment *segment) {
    const uint8_t value = control[segment->address & 0x7F];

    return segment->mux == MUX_PCA9544 ? value == (4 | segment->channel) : value >> segment->channel & 1;
}

static bool is_multiplexer(uint8_t device) {
    for (uint8_t i = 0; i < rails->count; i++)
        if (rails->rails[i].segment->address == device) return true;
    return false;
}

/* The register's value; its bytes are swapped as the device sends them. */
static uint16_t ina226_register(uint8_t i) {
    switch (sensors[i].pointer) {
    case 0x00: return sensors[i].configuration;
    case 0x01: return sensors[i].shunt;
    case 0x02: return sensors[i].bus;
    case 0xFE: return MANUFACTURER_TI;
    case 0xFF: return DIE_INA226;
    default: return 0;
    }
}

static bool ina226(uint8_t i, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    if (out_count == 2 || out_count > 3 || (in_count && in_count != 2)) return false;
    if (out_count) sensors[i].pointer = out[0];
    if (out_count == 3 && out[0] == 0) sensors[i].configuration = (uint16_t)((out[1] << 8 | out[2]) & 0x0FFF) | 0x4000;
    if (in_count) in[0] = (uint8_t)(ina226_register(i) >> 8), in[1] = (uint8_t)ina226_register(i);
    return true;
}

static uint16_t in_linear(int64_t millionths, int exponent) {
    return (uint16_t)(millionths * (1 << -exponent) / 1000000);
}

/* Output `i` of a regulator, at its page. */
static bool read_regulator(uint8_t i, uint8_t command, uint8_t *in, size_t in_count) {
    const struct rail *rail = &rails->rails[i];
    const bool paged = rail->kind == SENSOR_IRPS5401;
    uint16_t value;

    if (command == 0x00 && paged) value = rail->page;
    else if (command == 0x20 && paged) value = IRPS5401_EXPONENT & 0x1F;
    else if (command == 0x8B)
        value = in_linear(load_of(rail->name)->millivolts * 1000, paged ? IRPS5401_EXPONENT : IR38060_EXPONENT);
    else if (command == 0x8C)
        value = (uint16_t)((IOUT_EXPONENT & 0x1F) << 11 | (in_linear(microamperes(rail), IOUT_EXPONENT) & 0x3FF));
    else return false;
    if (in_count != (command < 0x80 ? 1 : 2)) return false;
    in[0] = (uint8_t)value;
    if (in_count == 2) in[1] = (uint8_t)(value >> 8);
    return true;
}

/* A regulator's outputs are rails of one address; the pointer of each holds the page that was selected last. */
static bool regulator(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    for (uint8_t i = 0; i < rails->count; i++) {
        const struct rail *rail = &rails->rails[i];

        if (rail->address != device || !reached(rail->segment)) continue;
        if (out_count == 2 && out[0] == 0x00 && !in_count && rail->kind == SENSOR_IRPS5401) sensors[i].pointer = out[1];
        else if (out_count == 1 && rail->page == sensors[i].pointer) return read_regulator(i, out[0], in, in_count);
    }
    return out_count == 2 && !in_count;
}

bool sensor_model_i2c(uint64_t now, uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in,
                      size_t in_count) {
    if (!rails || device > 0x7F) return false;
    advance(now);
    if (is_multiplexer(device)) {
        if (out_count) control[device] = out[out_count - 1];
        for (size_t i = 0; i < in_count; i++) in[i] = control[device];
        return true;
    }
    for (uint8_t i = 0; i < rails->count; i++) {
        const struct rail *rail = &rails->rails[i];

        if (rail->address != device || !reached(rail->segment)) continue;
        if (rail->kind == SENSOR_INA226) return ina226(i, out, out_count, in, in_count);
        return regulator(device, out, out_count, in, in_count);
    }
    return false;
}
