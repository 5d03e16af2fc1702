/* Power sensors of the board that hal_board() names, if it has any. */
#ifndef CODESIGN_POWER_H
#define CODESIGN_POWER_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* A sensor's value is a mean over so long at most, and there is a new one as often. */
    POWER_CONVERSION_US = 11680,
    /* What sensors say so long after the load has changed is of the new load alone: a conversion that had begun
     * before, and one more. */
    POWER_SETTLE_US = 2 * POWER_CONVERSION_US,
    POWER_RAIL_BYTES = 22
};

struct power_sample {
    int32_t microvolts, microamperes;
};

/* Rails that can be measured; 0 where the board has no sensors. */
uint8_t power_count(void);

/* The table of RAILS; returns its bytes, 0 where they need more room. */
size_t power_rails(uint8_t *out, size_t room);

/* Check the sensors and set them up; again is no harm. Both return a CODESIGN_STATUS_. What a sample says was so up to
 * POWER_CONVERSION_US ago. */
uint8_t power_begin(void);
uint8_t power_sample(uint8_t rail, struct power_sample *sample);

#endif
