/* I2C multiplexers: NXP PCA9544A (one of four channels: enable bit and number), PCA9548A (a bit for each of eight).
 * Both have one register, read and written without an address. */
#include "hal.h"
#include "sensors.h"

enum { PCA9544_ENABLE = 4, PCA9544_CONTROL = 7 /* above: which channels interrupt */ };

bool mux_select(const struct segment *segment) {
    const bool one_of_four = segment->mux == MUX_PCA9544;
    const uint8_t wanted = (uint8_t)(one_of_four ? PCA9544_ENABLE | segment->channel : 1u << segment->channel);
    const uint8_t mask = one_of_four ? PCA9544_CONTROL : 0xFF;
    uint8_t got;

    /* Read back: several sensors have the same address, and a wrong rail's power would be believed. */
    return hal_i2c(segment->address, &wanted, 1, 0, 0) && hal_i2c(segment->address, 0, 0, &got, 1)
        && (got & mask) == wanted;
}
