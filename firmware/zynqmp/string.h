/* What memory.c has of the C library's header. */
#ifndef CODESIGN_ZYNQMP_STRING_H
#define CODESIGN_ZYNQMP_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *one, const void *other, size_t count);

#endif
