/* What the firmware needs of a board. One file per board implements it: zynqmp/, ecp5/, host/.
 *
 * All calls are made from one thread. Nothing here may allocate. */
#ifndef CODESIGN_HAL_H
#define CODESIGN_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The serial line. hal_receive waits until at least one byte is there (or until hal_ticks reaches `until`, if that is
 * not 0) and takes up to `room`; 0 bytes mean that time is up. Bytes that arrive meanwhile are buffered by the HAL, at
 * least CODESIGN_WINDOW frames of them; those it has no room for are dropped and counted. */
size_t hal_receive(uint8_t *bytes, size_t room, uint64_t until);
void hal_send(const uint8_t *bytes, size_t count);
uint32_t hal_overruns(void);

/* A clock that never goes back. */
uint64_t hal_ticks(void);
uint64_t hal_tick_hz(void);

/* The accelerator's registers, by byte offset. False where the bus answers with an error. */
bool hal_register_read(uint32_t offset, uint32_t *value);
bool hal_register_write(uint32_t offset, uint32_t value);

/* Wait for the accelerator's interrupt, at most until hal_ticks reaches `until`, which may be past. False where time is
 * up. hal_interrupted: hal_ticks when the one came that was told of last, as well as the board can say. */
bool hal_wait_interrupt(uint64_t until);
uint64_t hal_interrupted(void);

/* The memory that the accelerator's master and the processor share, and its address as the master sees it. Nothing
 * else of the processor's memory is ever read or written on a host's behalf. */
uint8_t *hal_shared(void);
uint64_t hal_shared_bytes(void);
uint64_t hal_shared_address(void);

/* Before the accelerator reads what the processor wrote; before the processor reads what the accelerator wrote. */
void hal_clean(const uint8_t *at, size_t bytes);
void hal_invalidate(const uint8_t *at, size_t bytes);

/* Reset the accelerator and its memory port. False where the board cannot. */
bool hal_reset_accelerator(void);

/* One I2C transfer: `out` bytes to the device, then (after a repeated start) `in` bytes from it, either may be 0.
 * False where the device does not acknowledge, or there is no bus. */
bool hal_i2c(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count);

/* How the board is called (at most 15 characters), CODESIGN_CAP_* it has, how often it has booted since power was on. */
const char *hal_board(void);
uint32_t hal_capabilities(void);
uint32_t hal_boots(void);

/* The last fault that the processor took, for STATISTICS: how many, where, why. */
struct hal_faults {
    uint32_t count;
    uint64_t address, cause;
};
struct hal_faults hal_faults(void);

#endif
