#include "bridge_i2c.h"

#include <stdbool.h>
#include <stddef.h>

#include "host/sensor_model.h"

enum { CONTROL = 0x00, ADDRESS = 0x08, DATA = 0x0C, PENDING = 0x10, SIZE = 0x14, FIFO_BYTES = 16 };
enum { READ = 1 << 0, HOLD = 1 << 4, CLEAR = 1 << 6, COMPLETE = 1 << 0, REFUSED = 1 << 2, UNDERFLOW = 1 << 7 };

static uint32_t control, pending, size;
static uint8_t fifo[FIFO_BYTES], sent[FIFO_BYTES]; /* sent: bytes that went out, and wait for a stop or a read */
static size_t first, count, sent_count;
static uint8_t sent_to;
static bool is_waiting;

static void transfer(uint8_t device, uint8_t *in, size_t in_count, uint64_t now_ns) {
    const size_t out_count = is_waiting ? sent_count : 0;

    is_waiting = false;
    pending |= sensor_model_i2c(now_ns, device, sent, out_count, in, in_count) ? COMPLETE : REFUSED;
}

/* What follows what was sent, a stop or a read, tells the sensors what it was; until then it has been sent well. */
static void address(uint8_t device, uint64_t now_ns) {
    if (control & READ) {
        if (is_waiting && device != sent_to) transfer(sent_to, NULL, 0, now_ns);
        first = 0;
        count = size < FIFO_BYTES ? size : FIFO_BYTES;
        transfer(device, fifo, count, now_ns);
        return;
    }
    for (sent_count = 0; sent_count < count; sent_count++) sent[sent_count] = fifo[(first + sent_count) % FIFO_BYTES];
    count = 0;
    sent_to = device;
    is_waiting = true;
    if (control & HOLD) pending |= COMPLETE;
    else transfer(device, NULL, 0, now_ns);
}

static uint8_t take(void) {
    if (count == 0) {
        pending |= UNDERFLOW;
        return 0;
    }
    count--;
    return fifo[first++ % FIFO_BYTES];
}

uint32_t i2c_read(uint64_t offset) {
    switch (offset) {
    case CONTROL: return control;
    case DATA: return take();
    case PENDING: return pending;
    case SIZE: return (uint32_t)count;
    default: return 0;
    }
}

void i2c_write(uint64_t offset, uint32_t value, uint64_t now_ns) {
    switch (offset) {
    case CONTROL:
        if (value & CLEAR) first = count = 0;
        if (is_waiting && !(value & HOLD)) {
            pending &= ~(uint32_t)COMPLETE;
            transfer(sent_to, NULL, 0, now_ns);
        }
        control = value & ~(uint32_t)CLEAR;
        break;
    case ADDRESS: address((uint8_t)value, now_ns); break;
    case DATA:
        if (count < FIFO_BYTES) fifo[(first + count++) % FIFO_BYTES] = (uint8_t)value;
        break;
    case PENDING: pending &= ~value; break;
    case SIZE: size = value; break;
    default: break;
    }
}
