/* Which rails of which board have sensors, and where.
 *
 * ZCU102 (hal_i2c on PS I2C0): addresses, channels and shunts are those of Linux's device tree
 * (arch/arm64/boot/dts/xilinx/zynqmp-zcu102-revA.dts, nodes u76 to u75), rails' names by designator those that AMD's
 * "Accurate Design Power Measurement Made Easier" gives. UG1182 itself was not at hand: check both against its table of
 * power monitors. Summed is what that article calls PS, PL and MGT power, without VCCOPS and VCCOPS3, whose sensors have
 * been reported to say -9 mA whatever happens; VADJ_FMC feeds the mezzanine card.
 *
 * Ultra96-V1 (PS I2C1): the same kernel's zynqmp-zcu100-revC.dts; one sensor, u35, of the whole board's supply.
 *
 * Ultra96-V2 (PS I2C1): addresses and channel are those of Avnet's device tree, names and pages of its sensor
 * configuration (github.com/Avnet/Ultra96-PYNQ: petalinux_bsp_v2/.../system-user.dtsi, packages/sensorconf-v2). Summed
 * are the chip's and its memory's rails: 3.3 V and 5 V feed the rest of the board.
 *
 * The host build's rails are invented, one of each kind; so is their power (host/sensor_model.c). */
#include "sensors.h"

#define INA(rail_name, where, at, ohms, sum) \
    {.name = rail_name, .segment = &where, .kind = SENSOR_INA226, .address = at, .summed = sum, .microohms = ohms}
#define IRPS(rail_name, where, at, output, sum) \
    {.name = rail_name, .segment = &where, .kind = SENSOR_IRPS5401, .address = at, .page = output, .summed = sum}
#define IR(rail_name, where, at, sum) \
    {.name = rail_name, .segment = &where, .kind = SENSOR_IR38060, .address = at, .summed = sum}
#define BOARD(board_name, table) {.board = board_name, .rails = table, .count = sizeof table / sizeof table[0]}

static const struct segment zcu102_ps = {MUX_PCA9544, 0x75, 0}, zcu102_pl = {MUX_PCA9544, 0x75, 1};
static const struct segment ultra96_regulators = {MUX_PCA9548, 0x75, 4}, ultra96_supply = {MUX_PCA9548, 0x75, 5};
static const struct segment host_shunts = {MUX_PCA9544, 0x75, 1}, host_regulators = {MUX_PCA9548, 0x74, 4};

static const struct rail zcu102[] = {
    INA("VCCPSINTFP", zcu102_ps, 0x40, 5000, true), INA("VCCPSINTLP", zcu102_ps, 0x41, 5000, true),
    INA("VCCPSAUX", zcu102_ps, 0x42, 5000, true),   INA("VCCPSPLL", zcu102_ps, 0x43, 5000, true),
    INA("MGTRAVCC", zcu102_ps, 0x44, 5000, true),   INA("MGTRAVTT", zcu102_ps, 0x45, 5000, true),
    INA("VCCPSDDR", zcu102_ps, 0x46, 5000, true),   INA("VCCOPS", zcu102_ps, 0x47, 5000, false),
    INA("VCCOPS3", zcu102_ps, 0x4A, 5000, false),   INA("VCCPSDDRPLL", zcu102_ps, 0x4B, 5000, true),
    INA("VCCINT", zcu102_pl, 0x40, 2000, true),     INA("VCCBRAM", zcu102_pl, 0x41, 5000, true),
    INA("VCCAUX", zcu102_pl, 0x42, 5000, true),     INA("VCC1V2", zcu102_pl, 0x43, 5000, true),
    INA("VCC3V3", zcu102_pl, 0x44, 5000, true),     INA("VADJ_FMC", zcu102_pl, 0x45, 5000, false),
    INA("MGTAVCC", zcu102_pl, 0x46, 5000, true),    INA("MGTAVTT", zcu102_pl, 0x47, 5000, true),
};

static const struct rail ultra96_v1[] = {INA("VSYS", ultra96_supply, 0x40, 10000, true)};

static const struct rail ultra96_v2[] = {
    IRPS("AUX", ultra96_regulators, 0x43, 0, true),      IRPS("1V2", ultra96_regulators, 0x43, 1, true),
    IRPS("PSDDR", ultra96_regulators, 0x43, 2, true),    IRPS("INT", ultra96_regulators, 0x43, 3, true),
    IRPS("3V3_D", ultra96_regulators, 0x43, 4, false),   IRPS("PSAUX", ultra96_regulators, 0x44, 0, true),
    IRPS("PSINT_LP", ultra96_regulators, 0x44, 1, true), IRPS("3V3", ultra96_regulators, 0x44, 2, false),
    IRPS("PSINT_FP", ultra96_regulators, 0x44, 3, true), IRPS("PSPLL", ultra96_regulators, 0x44, 4, true),
    IR("5V", ultra96_regulators, 0x45, false),
};

static const struct rail host[] = {
    INA("CORE", host_shunts, 0x40, 2000, true),
    IRPS("MEMORY", host_regulators, 0x43, 2, true),
    IR("5V", host_regulators, 0x45, false),
};

static const struct rails boards[] = {
    BOARD("zcu102", zcu102), BOARD("ultra96-v1", ultra96_v1), BOARD("ultra96-v2", ultra96_v2), BOARD("host", host),
};

static bool same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

const struct rails *sensors_of(const char *board) {
    for (unsigned i = 0; i < sizeof boards / sizeof boards[0]; i++)
        if (same(boards[i].board, board)) return &boards[i];
    return 0;
}
