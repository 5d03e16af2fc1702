/* A model of the Cadence I2C controller with modelled power sensors behind it. */
#ifndef CODESIGN_BRIDGE_I2C_H
#define CODESIGN_BRIDGE_I2C_H

#include <stdint.h>

/* The registers, by byte offset. Transfers take no time. */
uint32_t i2c_read(uint64_t offset);
void i2c_write(uint64_t offset, uint32_t value, uint64_t now_ns);

#endif
