/* No board of this kind has power sensors: instead of ../measure.c and ../power.c. */
#include "measure.h"
#include "power.h"
#include "protocol.h"

uint8_t power_count(void) { return 0; }

size_t power_rails(uint8_t *out, size_t room) {
    (void)out, (void)room;
    return 0;
}

uint8_t measure_power(uint32_t run_ms, uint32_t samples, uint8_t *answer, size_t *length) {
    (void)run_ms, (void)samples, (void)answer;
    *length = 0;
    return CODESIGN_STATUS_NO_POWER;
}
