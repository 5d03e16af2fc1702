/* What memory.c has of the C library's header. */
#ifndef CODESIGN_ECP5_STRING_H
#define CODESIGN_ECP5_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);

#endif
