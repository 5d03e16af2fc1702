/* The serial line: a Cadence UART (UG1087), received by interrupt into a ring. */
#include "board.h"
#include "hal.h"
#include "protocol.h"

#ifndef BAUD
#define BAUD 115200u
#endif

enum { CONTROL = 0x00, MODE = 0x04, ENABLE = 0x08, DISABLE = 0x0C, PENDING = 0x14, GENERATOR = 0x18, TRIGGER = 0x20,
       STATUS = 0x2C, FIFO = 0x30, DIVIDER = 0x34 };
enum { RESET = 3, RECEIVE_AND_SEND = 0x14, STOPPED = 0x28, NO_PARITY = 0x20, SAMPLES = 6, BURST = 16 };
enum { RECEIVED = 1 << 0, EMPTY = 1 << 1, SENT = 1 << 3, OVERRUN = 1 << 5, FRAMING = 1 << 6 };

#define RING_BYTES 65536u /* a power of two */

_Static_assert(RING_BYTES > CODESIGN_WINDOW * CODESIGN_MAX_FRAME, "the ring must hold all frames under way");

static uint8_t ring[RING_BYTES];
static volatile uint32_t head, tail; /* bytes ever put in and taken out, modulo 2**32 */
static volatile uint32_t overruns;

static volatile uint32_t *uart(uint32_t offset) { return device(UART, offset); }

void uart_start(void) {
    *uart(CONTROL) = STOPPED;
    *uart(CONTROL) = RESET;
    while (*uart(CONTROL) & RESET) {}
    *uart(MODE) = NO_PARITY;
    *uart(GENERATOR) = (PERIPHERAL_HZ + BAUD * SAMPLES / 2) / (BAUD * SAMPLES);
    *uart(DIVIDER) = SAMPLES - 1;
    *uart(TRIGGER) = 1;
    *uart(DISABLE) = 0x1FFF;
    *uart(PENDING) = 0x1FFF;
    *uart(ENABLE) = RECEIVED | OVERRUN;
    *uart(CONTROL) = RECEIVE_AND_SEND;
}

/* Clear first: what arrives after the last look raises it again. */
void uart_interrupt(void) {
    const uint32_t pending = *uart(PENDING);

    *uart(PENDING) = pending;
    if (pending & OVERRUN) overruns++;
    while (!(*uart(STATUS) & EMPTY)) {
        const uint8_t byte = (uint8_t)*uart(FIFO);

        if (head - tail == RING_BYTES)
            overruns++;
        else
            ring[head++ % RING_BYTES] = byte;
    }
}

size_t hal_receive(uint8_t *bytes, size_t room, uint64_t until) {
    size_t count = 0;

    interrupts_hold();
    while (head == tail && (until == 0 || hal_ticks() < until)) interrupts_sleep(until);
    interrupts_release();
    for (; count < room && head != tail; count++) {
        bytes[count] = ring[tail % RING_BYTES];
        tail++;
    }
    return count;
}

/* The FIFO takes 64 bytes, and QEMU's 16. */
void hal_send(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i % BURST == 0)
            while (!(*uart(STATUS) & SENT)) {}
        *uart(FIFO) = bytes[i];
    }
}

uint32_t hal_overruns(void) { return overruns; }
