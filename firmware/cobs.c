#include "cobs.h"

size_t cobs_encode(const uint8_t *bytes, size_t count, uint8_t *coded) {
    size_t code_at = 0, at = 1;

    for (size_t i = 0; i < count; i++) {
        if (bytes[i]) coded[at++] = bytes[i];
        if (!bytes[i] || (at - code_at == 255 && i + 1 < count)) {
            coded[code_at] = (uint8_t)(at - code_at);
            code_at = at++;
        }
    }
    coded[code_at] = (uint8_t)(at - code_at);
    return at;
}

bool cobs_decode(uint8_t *bytes, size_t *count) {
    size_t from = 0, to = 0;

    while (from < *count) {
        const size_t code = bytes[from];

        if (code == 0 || from + code > *count) return false;
        for (size_t i = 1; i < code; i++) bytes[to++] = bytes[from + i];
        from += code;
        if (code < 255 && from < *count) bytes[to++] = 0;
    }
    *count = to;
    return true;
}
