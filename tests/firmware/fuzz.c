/* Fuzzing the link and the commands: an input is a list of things that happen to the firmware. Most of them are frames
 * that are right up to their payload, so that handlers are reached; what is answered is checked against the request,
 * and what has changed in memory against what the request names. An entry for libFuzzer; seeded.c calls it too. */
#include <string.h>

#include "bytes.h"
#include "cobs.h"
#include "commands.h"
#include "crc32.h"
#include "fake_board.h"
#include "hal.h"
#include "link.h"
#include "protocol.h"
#include "registers.h"

enum { CALL_BYTES = 7, CASES = 16 };

static struct { const uint8_t *at, *end; } input;

static struct { /* what a host knows */
    uint16_t session, sequence;
    uint32_t output_offset, output_bytes; /* of the configuration that was taken */
    struct made {
        uint16_t session, sequence;
    } made[CODESIGN_WINDOW]; /* the changes that were answered */
} host;

static uint8_t take8(void) { return input.at < input.end ? *input.at++ : 0; }
static uint16_t take16(void) { return (uint16_t)(take8() | take8() << 8); }
static uint32_t take32(void) { return take16() | (uint32_t)take16() << 16; }

/* Numbers near the edges of what there is. */
static uint32_t take_number(void) {
    const uint8_t how = take8();
    const uint32_t small = take8();

    switch (how % 8) {
    case 0: return small;
    case 1: return small * FAKE_BEAT_BYTES;
    case 2: return small * FAKE_BEAT_BYTES * FAKE_BURST_BEATS;
    case 3: return FAKE_BYTES - small;
    case 4: return 0u - small;
    case 5: return FAKE_BYTES / 2 + small;
    case 6: return take16();
    default: return take32();
    }
}

static void send(const uint8_t *bytes, size_t count, bool split) {
    for (size_t at = 0; at < count; at += CALL_BYTES) {
        const size_t now = !split || count - at < CALL_BYTES ? count - at : CALL_BYTES;

        link_receive(bytes + at, now);
        if (!split) return;
    }
}

/* Bytes of a request, at least where it ends in data. */
static size_t request_bytes(uint8_t op) {
    switch (op) {
    case CODESIGN_OP_HELLO: return CODESIGN_HELLO_REQUEST_BYTES;
    case CODESIGN_OP_WRITE: return CODESIGN_WRITE_REQUEST_BYTES;
    case CODESIGN_OP_READ: return CODESIGN_READ_REQUEST_BYTES;
    case CODESIGN_OP_CHECKSUM: return CODESIGN_CHECKSUM_REQUEST_BYTES;
    case CODESIGN_OP_CONFIGURE: return CODESIGN_CONFIGURE_REQUEST_BYTES;
    case CODESIGN_OP_RUN: return CODESIGN_RUN_REQUEST_BYTES;
    case CODESIGN_OP_FINISH: return CODESIGN_FINISH_REQUEST_BYTES;
    case CODESIGN_OP_TRACE: return CODESIGN_TRACE_REQUEST_BYTES;
    case CODESIGN_OP_POWER: return CODESIGN_POWER_REQUEST_BYTES;
    default: return 0;
    }
}

/* A change that was answered before must not have been made again. */
static void check_once(uint16_t session, uint16_t sequence, bool repeated) {
    struct made *made = &host.made[sequence % CODESIGN_WINDOW];

    if (made->session == session && made->sequence == sequence && !repeated) fake_fail("a change was made twice");
    made->session = session;
    made->sequence = sequence;
}

static size_t answer_bytes(uint8_t op, size_t *open) {
    *open = 0;
    switch (op) {
    case CODESIGN_OP_HELLO: return CODESIGN_HELLO_ANSWER_BYTES;
    case CODESIGN_OP_ACCELERATOR: return CODESIGN_ACCELERATOR_ANSWER_BYTES;
    case CODESIGN_OP_CHECKSUM: return CODESIGN_CHECKSUM_ANSWER_BYTES;
    case CODESIGN_OP_RUN: return CODESIGN_RUN_ANSWER_BYTES;
    case CODESIGN_OP_FINISH: return CODESIGN_FINISH_ANSWER_BYTES;
    case CODESIGN_OP_STATISTICS: return CODESIGN_STATISTICS_ANSWER_BYTES;
    case CODESIGN_OP_ECHO: case CODESIGN_OP_READ: case CODESIGN_OP_TRACE: case CODESIGN_OP_RAILS:
        *open = CODESIGN_MAX_PAYLOAD;
        return 0;
    case CODESIGN_OP_POWER:
        *open = CODESIGN_MAX_PAYLOAD - CODESIGN_POWER_ANSWER_SAMPLES;
        return CODESIGN_POWER_ANSWER_SAMPLES;
    default: return 0;
    }
}

/* What a frame of `count` bytes of payload was answered, if it was. */
static void check_answer(const uint8_t *plain, size_t count, bool repeated) {
    static uint8_t answer[FAKE_SENT_BYTES];
    const uint8_t *payload = answer + CODESIGN_HEADER_BYTES, *request = plain + CODESIGN_HEADER_BYTES;
    size_t bytes = fake_sent_bytes, open, fixed = answer_bytes(plain[0], &open);

    if (bytes == 0) return;
    if (bytes > CODESIGN_MAX_FRAME || fake_sent[bytes - 1] || memchr(fake_sent, 0, bytes - 1))
        fake_fail("an answer must be one frame");
    memcpy(answer, fake_sent, --bytes);
    if (!cobs_decode(answer, &bytes) || bytes < CODESIGN_HEADER_BYTES + CODESIGN_CRC_BYTES
        || crc32(answer, bytes - CODESIGN_CRC_BYTES) != get32(answer + bytes - CODESIGN_CRC_BYTES))
        fake_fail("an answer must have a CRC that is right");
    bytes -= CODESIGN_HEADER_BYTES + CODESIGN_CRC_BYTES;
    if (answer[0] != (plain[0] | CODESIGN_ANSWER) || memcmp(answer + 4, plain + 4, 2))
        fake_fail("an answer must be its request's");
    if (plain[0] != CODESIGN_OP_HELLO && memcmp(answer + 2, plain + 2, 2)) fake_fail("another session's answer");
    if (answer[1] > CODESIGN_STATUS_IDLE) fake_fail("a status that is none");
    if (command_changes(plain[0]) && answer[1] != CODESIGN_STATUS_NO_SESSION)
        check_once(get16(plain + 2), get16(plain + 4), repeated);
    if (!repeated && count < request_bytes(plain[0]) && answer[1] != CODESIGN_STATUS_BAD_LENGTH
        && answer[1] != CODESIGN_STATUS_NO_SESSION)
        fake_fail("a request that is too short was taken");
    if (answer[1] != CODESIGN_STATUS_OKAY) {
        if (bytes) fake_fail("a refusal with a payload");
        return;
    }
    if (bytes < fixed || bytes > fixed + open) fake_fail("an answer of another length");
    if (plain[0] == CODESIGN_OP_HELLO) {
        host.session = get16(payload + CODESIGN_HELLO_ANSWER_SESSION);
        host.sequence = 0;
        if (host.session == 0) fake_fail("session 0");
    } else if (plain[0] == CODESIGN_OP_ECHO && (bytes != count || memcmp(payload, request, count))) {
        fake_fail("another echo");
    } else if (plain[0] == CODESIGN_OP_READ
               && (bytes != get16(request + 4) || get32(request) + bytes > FAKE_BYTES
                   || memcmp(payload, hal_shared() + get32(request), bytes))) {
        fake_fail("read must be what is there");
    } else if (plain[0] == CODESIGN_OP_CHECKSUM
               && get32(payload) != crc32(hal_shared() + get32(request), get32(request + 4))) {
        fake_fail("checksum of something else");
    } else if (plain[0] == CODESIGN_OP_CONFIGURE && !repeated) {
        host.output_offset = get32(request + CODESIGN_CONFIGURE_REQUEST_OUTPUT_OFFSET);
        host.output_bytes = get32(request + CODESIGN_CONFIGURE_REQUEST_OUTPUT_BEATS)
                          * (fake.registers[CODESIGN_BUS / 4] & CODESIGN_BUS_BEAT_BYTES);
    }
}

/* Send a frame, harmed if `harm` is not 0, and see what came of it. */
static void exchange(uint8_t *plain, size_t count, uint8_t how, uint16_t harm) {
    static uint8_t coded[2 * CODESIGN_MAX_FRAME];
    const uint8_t op = plain[0];
    const uint8_t *request = plain + CODESIGN_HEADER_BYTES;
    const uint32_t offset = get32(request + CODESIGN_WRITE_REQUEST_OFFSET);
    const uint32_t repeated_before = statistics.repeated;
    size_t bytes = CODESIGN_HEADER_BYTES + count;
    bool repeated;

    put32(plain + bytes, crc32(plain, bytes));
    bytes = cobs_encode(plain, bytes + CODESIGN_CRC_BYTES, coded);
    coded[bytes++] = 0;
    if (harm) coded[harm % bytes] ^= (uint8_t)(harm >> 8 | 1);
    fake_sent_bytes = 0;
    send(coded, bytes, how & 1);
    if (harm) {
        send((const uint8_t[]){0}, 1, false); /* ends what it may have left */
        fake_settle(0, 0);
        if (fake_sent_bytes) fake_fail("a harmed frame was answered");
        return;
    }
    repeated = statistics.repeated != repeated_before;
    check_answer(plain, count, repeated);
    if (repeated)
        fake_settle(0, 0);
    else if (op == CODESIGN_OP_WRITE && count >= 4 && (uint64_t)offset + (count - 4) <= FAKE_BYTES)
        fake_settle(offset, count - 4);
    else if (command_answers(op))
        fake_settle(host.output_offset, host.output_bytes);
    else
        fake_settle(0, 0);
}

static size_t take_payload(uint8_t op, uint8_t *at) {
    size_t count;

    switch (op) {
    case CODESIGN_OP_HELLO:
        put16(at, take16());
        put32(at + 2, take8() % 4);
        return 6;
    case CODESIGN_OP_WRITE:
        put32(at, take_number());
        count = take16() % (CODESIGN_MAX_PAYLOAD - 3);
        memset(at + 4, take8(), count);
        return 4 + count;
    case CODESIGN_OP_READ:
        put32(at, take_number());
        put16(at + 4, take_number());
        return 6;
    case CODESIGN_OP_CONFIGURE:
        if (take8() & 1) { /* such that it is taken, mostly */
            put32(at, (uint32_t)take8() % 16 * FAKE_BEAT_BYTES * FAKE_BURST_BEATS);
            put32(at + 4, 1u + take8() / 2);
            put32(at + 8, (uint32_t)take8() * 2 * FAKE_BEAT_BYTES);
            put32(at + 12, 1u + take8() / 2);
            put32(at + 16, 1000);
            return 20;
        }
        for (size_t i = 0; i < 20; i += 4) put32(at + i, take_number());
        return 20;
    case CODESIGN_OP_CHECKSUM:
        put32(at, take_number());
        put32(at + 4, take_number());
        return 8;
    case CODESIGN_OP_RUN: case CODESIGN_OP_FINISH: put32(at, take_number()); return 4;
    case CODESIGN_OP_TRACE:
        put16(at, take_number());
        put16(at + 2, take_number());
        return 4;
    case CODESIGN_OP_POWER:
        put32(at, take8() & 1 ? take_number() : take8());
        put16(at + 4, take8() & 1 ? take_number() : take8() & 1 ? take8() : take8() % 8);
        return 6;
    case CODESIGN_OP_ECHO:
        count = take16() % (CODESIGN_MAX_PAYLOAD + 8);
        memset(at, take8(), count);
        return count;
    default: return 0;
    }
}

static void frame(uint8_t kind) {
    static uint8_t plain[2 * CODESIGN_MAX_FRAME];
    const uint8_t op = (kind & 0x80) ? take8() & 0x7F : (uint8_t)(1 + take8() % CODESIGN_OP_FINISH);
    const uint8_t how = take8();
    uint16_t sequence = (uint16_t)(host.sequence + 1), harm = 0;
    size_t count;

    memset(plain, 0, sizeof plain);
    if ((how & 0x0E) == 2) sequence = (uint16_t)(host.sequence + 20 - take8() % 40); /* again, or not yet */
    else if ((how & 0x0E) == 4) sequence = take16();
    plain[0] = op;
    put16(plain + 2, op == CODESIGN_OP_HELLO ? 0 : (how & 0xF0) == 0xF0 ? take16() : host.session);
    put16(plain + 4, op == CODESIGN_OP_HELLO ? 0 : sequence);
    if ((how & 0x0E) == 8) harm = take16();
    if ((how & 0x0E) == 6) {
        count = take8() & 1 ? take8() % 32 : take16() % (CODESIGN_MAX_PAYLOAD + 16);
        for (size_t i = 0; i < count && input.at < input.end; i++) plain[CODESIGN_HEADER_BYTES + i] = take8();
    } else {
        count = take_payload(op, plain + CODESIGN_HEADER_BYTES);
    }
    if (op != CODESIGN_OP_HELLO && sequence > host.sequence && sequence < host.sequence + 16) host.sequence = sequence;
    exchange(plain, count, how, harm);
}

static void garbage(void) {
    uint8_t bytes[64];
    const size_t count = take8() % sizeof bytes;

    for (size_t i = 0; i < count; i++) bytes[i] = take8();
    for (size_t again = take8() % 64; again; again--) send(bytes, count, false);
    fake_settle(0, 0);
    fake_sent_bytes = 0;
    send((const uint8_t[]){0}, 1, false);
}

/* Something about the board is otherwise. */
static void change_board(void) {
    static const char *const names[] = {"fake", "host", "zcu102", "ultra96-v1", "ultra96-v2", "a name of more than 16"};
    static const uint32_t registers[] = {CODESIGN_ID, CODESIGN_VERSION, CODESIGN_BUS, CODESIGN_DIGEST_LO,
                                         CODESIGN_TRACE_COUNT, CODESIGN_ERROR};

    switch (take8() % 12) {
    case 0: fake.registers[registers[take8() % 6] / 4] = take32(); break;
    case 1:
        fake.registers[CODESIGN_BUS / 4] = FAKE_BURST_BEATS << 16 | (uint32_t)FAKE_BEAT_BYTES << take8() % 8;
        if (take8() % 4 == 0) fake.registers[CODESIGN_BUS / 4] = take8() | (uint32_t)take8() << 16;
        break;
    case 2: fake.accesses_to_error = take8(); break;
    case 3: fake.run_ticks = (uint64_t)take8() << take8() % 16; break;
    case 4: fake.sensors = take8() % 3; break;
    case 5: fake.transfers_to_error = take8(); break;
    case 6: fake.board = names[take8() % 6]; break;
    case 7: case 8: case 9:
        fake.board = names[1 + take8() % 4];
        fake.sensors = FAKE_SENSORS_RIGHT;
        fake.transfers_to_error = 0;
        break;
    case 10: fake_accelerator_on(); break;
    default:
        fake.ticks_per_look = 1 + take8();
        fake.can_reset = take8() & 1;
        fake.random = take8();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static uint8_t plain[64];
    static uint32_t inputs;

    fake_power_on();
    fake_settle(0, FAKE_BYTES);
    send((const uint8_t[]){0}, 1, false);
    input.at = input.end = bytes;
    input.end += count;
    memset(&host, 0, sizeof host);
    /* As a board that has just begun, but for statistics. */
    plain[0] = CODESIGN_OP_HELLO;
    put16(plain + 2, 0);
    put16(plain + 4, 0);
    put16(plain + CODESIGN_HEADER_BYTES, CODESIGN_PROTOCOL_VERSION);
    put32(plain + CODESIGN_HEADER_BYTES + 2, 1000 + inputs++);
    exchange(plain, CODESIGN_HELLO_REQUEST_BYTES, 0, 0);
    plain[0] = CODESIGN_OP_RESET;
    put16(plain + 2, host.session);
    put16(plain + 4, ++host.sequence);
    exchange(plain, 0, 0, 0);
    while (input.at < input.end) {
        const uint8_t kind = take8();

        if (kind % CASES == 0) garbage();
        else if (kind % CASES == 1) change_board();
        else frame(kind);
    }
    return 0;
}
