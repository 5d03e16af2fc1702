/* Frames and sessions: from bytes on the line to commands, and their answers back. */
#ifndef CODESIGN_LINK_H
#define CODESIGN_LINK_H

#include <stddef.h>
#include <stdint.h>

/* Take what has arrived; every request that ends within it is carried out and answered. */
void link_receive(const uint8_t *bytes, size_t count);

/* Serve hosts for ever. */
void link_serve(void);

#endif
