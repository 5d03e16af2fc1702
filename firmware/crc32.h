/* CRC-32 of IEEE 802.3, as zlib has it. */
#ifndef CODESIGN_CRC32_H
#define CODESIGN_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32(const uint8_t *bytes, size_t count);

#endif
