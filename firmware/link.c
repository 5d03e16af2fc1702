#include "link.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "cobs.h"
#include "commands.h"
#include "crc32.h"
#include "hal.h"
#include "protocol.h"
#include "version.h"

enum { NOTHING = 0xFF }; /* no status: a request that has not been carried out */

static uint8_t frame[CODESIGN_MAX_FRAME]; /* being received, then decoded in place */
static size_t received;
static bool too_long;

static uint8_t plain[CODESIGN_HEADER_BYTES + CODESIGN_MAX_PAYLOAD + CODESIGN_CRC_BYTES];
static uint8_t coded[CODESIGN_MAX_FRAME];

static struct {
    uint16_t number, top; /* the session's, and the highest sequence number it has had */
    uint32_t nonce;
    uint8_t status[CODESIGN_WINDOW]; /* by sequence number: of requests that changed something */
} session;

static struct { /* the last answer with a payload to a request that changed something */
    uint16_t sequence;
    size_t length;
    uint8_t payload[CODESIGN_MAX_PAYLOAD];
} kept;

static uint8_t *payload(void) { return plain + CODESIGN_HEADER_BYTES; }

static void answer(uint8_t op, uint8_t status, uint16_t number, uint16_t sequence, size_t length) {
    const size_t count = CODESIGN_HEADER_BYTES + length;
    size_t bytes;

    plain[0] = (uint8_t)(op | CODESIGN_ANSWER);
    plain[1] = status;
    put16(plain + 2, number);
    put16(plain + 4, sequence);
    put32(plain + count, crc32(plain, count));
    bytes = cobs_encode(plain, count + CODESIGN_CRC_BYTES, coded);
    coded[bytes] = 0;
    hal_send(coded, bytes + 1);
}

static void put_text(uint8_t *at, const char *text) {
    size_t i = 0;

    memset(at, 0, CODESIGN_TEXT_BYTES);
    for (; i < CODESIGN_TEXT_BYTES - 1 && text[i]; i++) at[i] = (uint8_t)text[i];
}

/* A session's number depends on the host's random one: frames of a session before it, or before a reset, which may
 * still be under way, are told from its own. */
static void begin_session(uint32_t nonce) {
    uint16_t number = (uint16_t)((nonce ^ nonce >> 16) + hal_boots());

    if (number == session.number || number == 0) number++;
    if (number == 0) number++;
    session.number = number;
    session.nonce = nonce;
    session.top = 0;
    memset(session.status, NOTHING, sizeof session.status);
    kept.sequence = 0;
}

static void hello(const uint8_t *request, size_t count, uint16_t sequence) {
    uint8_t *out = payload();
    uint32_t nonce;

    if (count != CODESIGN_HELLO_REQUEST_BYTES) {
        answer(CODESIGN_OP_HELLO, CODESIGN_STATUS_BAD_LENGTH, 0, sequence, 0);
        return;
    }
    nonce = get32(request + CODESIGN_HELLO_REQUEST_NONCE);
    if (session.number == 0 || nonce != session.nonce) begin_session(nonce);
    put16(out + CODESIGN_HELLO_ANSWER_VERSION, CODESIGN_PROTOCOL_VERSION);
    put16(out + CODESIGN_HELLO_ANSWER_SESSION, session.number);
    put32(out + CODESIGN_HELLO_ANSWER_NONCE, nonce);
    put16(out + CODESIGN_HELLO_ANSWER_MAX_PAYLOAD, CODESIGN_MAX_PAYLOAD);
    put16(out + CODESIGN_HELLO_ANSWER_WINDOW, CODESIGN_WINDOW);
    put32(out + CODESIGN_HELLO_ANSWER_CAPABILITIES, hal_capabilities());
    put64(out + CODESIGN_HELLO_ANSWER_MEMORY_BYTES, hal_shared_bytes());
    put32(out + CODESIGN_HELLO_ANSWER_BOOTS, hal_boots());
    put64(out + CODESIGN_HELLO_ANSWER_TICK_HZ, hal_tick_hz());
    put_text(out + CODESIGN_HELLO_ANSWER_BOARD, hal_board());
    put_text(out + CODESIGN_HELLO_ANSWER_FIRMWARE, FIRMWARE_VERSION);
    answer(CODESIGN_OP_HELLO, CODESIGN_STATUS_OKAY, 0, sequence, CODESIGN_HELLO_ANSWER_BYTES);
}

/* Answer what was carried out before. */
static void repeat(uint8_t op, uint8_t status, uint16_t sequence) {
    const bool has_payload = kept.sequence == sequence;

    statistics.repeated++;
    if ((op == CODESIGN_OP_RUN || op == CODESIGN_OP_POWER) && status == CODESIGN_STATUS_OKAY && !has_payload) {
        statistics.stale++; /* another one came after it: its host has had the answer */
        return;
    }
    if (has_payload) memcpy(payload(), kept.payload, kept.length);
    answer(op, status, session.number, sequence, has_payload ? kept.length : 0);
}

static void request(uint8_t op, uint16_t sequence, const uint8_t *bytes, size_t count) {
    const bool changes = command_changes(op);
    uint8_t *slot = &session.status[sequence % CODESIGN_WINDOW];
    uint8_t status;
    size_t length;

    if (sequence == 0 || sequence > session.top + CODESIGN_WINDOW || sequence + CODESIGN_WINDOW <= session.top) {
        statistics.stale++;
        return;
    }
    /* The slots of the numbers skipped on the way up are free again. */
    for (; session.top < sequence; session.top++) session.status[(session.top + 1) % CODESIGN_WINDOW] = NOTHING;
    if (changes && *slot != NOTHING) {
        repeat(op, *slot, sequence);
        return;
    }
    status = command(op, bytes, count, payload(), &length);
    if (changes) {
        *slot = status;
        if (length) {
            kept.sequence = sequence;
            kept.length = length;
            memcpy(kept.payload, payload(), length);
        }
    }
    answer(op, status, session.number, sequence, length);
}

static void take_frame(size_t count) {
    uint16_t number, sequence;
    uint8_t op;

    if (!cobs_decode(frame, &count) || count < CODESIGN_HEADER_BYTES + CODESIGN_CRC_BYTES) {
        statistics.bad_framing++;
        return;
    }
    count -= CODESIGN_CRC_BYTES;
    if (crc32(frame, count) != get32(frame + count)) {
        statistics.bad_crc++;
        return;
    }
    op = frame[0];
    if (op & CODESIGN_ANSWER) return; /* our own, from a line that echoes */
    statistics.frames++;
    number = get16(frame + 2);
    sequence = get16(frame + 4);
    count -= CODESIGN_HEADER_BYTES;
    if (op == CODESIGN_OP_HELLO)
        hello(frame + CODESIGN_HEADER_BYTES, count, sequence);
    else if (session.number == 0 || number != session.number)
        answer(op, CODESIGN_STATUS_NO_SESSION, number, sequence, 0);
    else
        request(op, sequence, frame + CODESIGN_HEADER_BYTES, count);
}

void link_receive(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == 0) {
            if (too_long) statistics.too_long++;
            else if (received) take_frame(received);
            received = 0;
            too_long = false;
        } else if (received == sizeof frame) {
            too_long = true;
        } else {
            frame[received++] = bytes[i];
        }
    }
}

void link_serve(void) {
    static uint8_t bytes[256];

    for (;;) link_receive(bytes, hal_receive(bytes, sizeof bytes, 0));
}
