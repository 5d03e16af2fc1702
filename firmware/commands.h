/* What the firmware does for a host. */
#ifndef CODESIGN_COMMANDS_H
#define CODESIGN_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statistics {
    uint32_t frames, bad_crc, bad_framing, too_long, repeated, stale, runs;
};

extern struct statistics statistics;

/* Whether a request of `op` changes anything, and so must be carried out once. */
bool command_changes(uint8_t op);

/* Whether its answer has a payload, which must then be the first one's when it is asked again. */
bool command_answers(uint8_t op);

/* Carry out a request; its answer's payload goes to `answer`, which has room for CODESIGN_MAX_PAYLOAD bytes, its length
 * to `*length`. Returns a CODESIGN_STATUS_. HELLO is the link's own. */
uint8_t command(uint8_t op, const uint8_t *request, size_t count, uint8_t *answer, size_t *length);

#endif
