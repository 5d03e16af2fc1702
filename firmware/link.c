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

_Static_assert(65536 % CODESIGN_WINDOW == 0, "the slots of sequence numbers must go on where these begin anew");

static uint8_t frame[CODESIGN_MAX_FRAME]; /* being received, then decoded in place */
static size_t received;
static bool too_long;

static uint8_t plain[CODESIGN_HEADER_BYTES + CODESIGN_MAX_PAYLOAD + CODESIGN_CRC_BYTES];
static uint8_t coded[CODESIGN_MAX_FRAME];

static struct {
    uint16_t number, top; /* the session's, and the latest sequence number it has had */
    uint32_t nonce;
    struct slot { /* by sequence number: of a request that changed something; op 0: there was none */
        uint8_t op, status;
    } slots[CODESIGN_WINDOW];
} session;

static struct { /* the last answer with a payload to a request that changed something; length 0: there is none */
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

/* Every session has a number of its own, so that frames of another one which are still under way are told from its own:
 * the next number, and after a reset one that nobody can foresee. */
static void begin_session(uint32_t nonce) {
    const uint32_t random = nonce ^ nonce >> 16 ^ (uint32_t)hal_ticks();

    session.number = (uint16_t)(session.number ? session.number + 1u : random + hal_boots());
    if (session.number == 0) session.number = 1;
    session.nonce = nonce;
    session.top = 0;
    memset(session.slots, 0, sizeof session.slots);
    kept.length = 0;
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
static void repeat(const struct slot *slot, uint16_t sequence) {
    const bool has_payload = kept.length && kept.sequence == sequence;

    statistics.repeated++;
    if (command_answers(slot->op) && slot->status == CODESIGN_STATUS_OKAY && !has_payload) {
        statistics.stale++; /* another one came after it: its host has had the answer */
        return;
    }
    if (has_payload) memcpy(payload(), kept.payload, kept.length);
    answer(slot->op, slot->status, session.number, sequence, has_payload ? kept.length : 0);
}

/* Sequence numbers begin anew after 65535, so only their differences tell which is later. */
static void request(uint8_t op, uint16_t sequence, const uint8_t *bytes, size_t count) {
    struct slot *slot = &session.slots[sequence % CODESIGN_WINDOW];
    uint16_t ahead = (uint16_t)(sequence - session.top);
    const uint16_t behind = (uint16_t)(session.top - sequence);
    uint8_t status;
    size_t length;

    if (behind < CODESIGN_WINDOW) {
        ahead = 0;
    } else if (ahead > CODESIGN_WINDOW) {
        statistics.stale++;
        return;
    }
    /* The slots of the numbers skipped on the way up are free again. */
    for (; ahead; ahead--) session.slots[++session.top % CODESIGN_WINDOW].op = 0;
    if (slot->op) {
        if (slot->op == op) repeat(slot, sequence);
        else statistics.stale++; /* a host that gives one number twice */
        return;
    }
    status = command(op, bytes, count, payload(), &length);
    if (command_changes(op)) {
        slot->op = op;
        slot->status = status;
        if (length || kept.sequence == sequence) {
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
