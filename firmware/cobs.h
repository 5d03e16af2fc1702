/* Consistent overhead byte stuffing (Cheshire and Baker, IEEE/ACM ToN 7(2), 1999): bytes without a zero among them. */
#ifndef CODESIGN_COBS_H
#define CODESIGN_COBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code `count` bytes, without the zero that ends a frame. `coded` has room for count + count / 254 + 1. Returns how
 * many it wrote. */
size_t cobs_encode(const uint8_t *bytes, size_t count, uint8_t *coded);

/* Decode in place. False where the bytes are no COBS; else `*count` is how many are left. */
bool cobs_decode(uint8_t *bytes, size_t *count);

#endif
