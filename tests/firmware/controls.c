/* For tests that load the firmware as a library: what it has carried out, in order (linked with --wrap=command), and
 * ways to change the tests' board. */
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "fake_board.h"
#include "protocol.h"

enum { MOST = 1 << 16 };

struct carried_out {
    uint32_t op, key; /* the first four bytes of its payload */
} carried_out[MOST];
uint32_t carried_out_count;

uint8_t __real_command(uint8_t op, const uint8_t *request, size_t count, uint8_t *answer, size_t *length);
uint8_t __wrap_command(uint8_t op, const uint8_t *request, size_t count, uint8_t *answer, size_t *length);
void poke(uint32_t offset, uint32_t value);
void let_runs_take(uint32_t ticks);
void give_sensors(int kind);

uint8_t __wrap_command(uint8_t op, const uint8_t *request, size_t count, uint8_t *answer, size_t *length) {
    if (carried_out_count < MOST) {
        carried_out[carried_out_count].op = op;
        carried_out[carried_out_count++].key = count < 4 ? 0 : get32(request);
    }
    return __real_command(op, request, count, answer, length);
}

void poke(uint32_t offset, uint32_t value) { fake.registers[offset / 4] = value; }

void let_runs_take(uint32_t ticks) { fake.run_ticks = ticks; }

void give_sensors(int kind) {
    fake.board = "ultra96-v2";
    fake.sensors = (enum fake_sensors)kind;
    fake.capabilities = CODESIGN_CAP_POWER | CODESIGN_CAP_SYNTHETIC_POWER | CODESIGN_CAP_SIMULATED;
}
