/* The firmware as a program on the host: its serial line is a pty, its accelerator the verilated one, loaded from the
 * shared library that codesign.sim builds, its memory that one's.
 *
 *     firmware-host SIMULATOR.so MEMORY_BYTES DECIBYTES_PER_CYCLE LATENCY_CYCLES
 *
 * prints the path of the pty's other end, and serves it until killed. */
#define _GNU_SOURCE
#include "hal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "protocol.h"
#include "registers.h"
#include "sensor_model.h"

enum { TICK_HZ = 1000000000, SLICE_CYCLES = 500 };

static int line;
static void *simulator;
static bool running;
static uint64_t interrupted;
static uint8_t *shared;
static uint64_t shared_bytes, decibytes_per_cycle, latency_cycles;

static void *(*sim_new)(uint64_t);
static uint8_t *(*sim_memory)(void *);
static void (*sim_free)(void *);
static void (*sim_configure)(void *, uint64_t, uint64_t);
static int (*sim_write_register)(void *, uint32_t, uint32_t);
static int (*sim_read_register)(void *, uint32_t, uint32_t *);
static int (*sim_wait)(void *, uint64_t);

static void fail(const char *what, const char *why) {
    fprintf(stderr, "firmware-host: %s: %s\n", what, why);
    exit(1);
}

/* POSIX makes a function of what dlsym gives; ISO C has no cast for it. */
static void find(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);

    if (!found) fail(name, dlerror());
    memcpy(function, &found, sizeof found);
}

static void load_simulator(const char *path) {
    void *library = dlopen(path, RTLD_NOW);

    if (!library) fail(path, dlerror());
    find(library, "sim_new", &sim_new);
    find(library, "sim_free", &sim_free);
    find(library, "sim_memory", &sim_memory);
    find(library, "sim_configure", &sim_configure);
    find(library, "sim_write_register", &sim_write_register);
    find(library, "sim_read_register", &sim_read_register);
    find(library, "sim_wait", &sim_wait);
}

static void new_simulator(void) {
    uint8_t *before = shared;

    simulator = sim_new(shared_bytes);
    shared = sim_memory(simulator);
    if (before) memcpy(shared, before, shared_bytes);
}

/* Both ends stay open here, so that hosts may come and go. */
static void open_line(void) {
    struct termios settings;
    int other;

    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) || unlockpt(line)) fail("pty", strerror(errno));
    other = open(ptsname(line), O_RDWR | O_NOCTTY);
    if (other < 0 || tcgetattr(other, &settings)) fail("pty", strerror(errno));
    cfmakeraw(&settings);
    if (tcsetattr(other, TCSANOW, &settings)) fail("pty", strerror(errno));
    printf("%s\n", ptsname(line));
    fflush(stdout);
}

size_t hal_receive(uint8_t *bytes, size_t room, uint64_t until) {
    struct pollfd ready = {.fd = line, .events = POLLIN};
    int wait_ms = -1;
    ssize_t got;

    if (until) {
        const uint64_t now = hal_ticks();

        wait_ms = until > now ? (int)((until - now) / 1000000 + 1) : 0;
    }
    if (poll(&ready, 1, wait_ms) <= 0) return 0;
    got = read(line, bytes, room);
    return got > 0 ? (size_t)got : 0;
}

void hal_send(const uint8_t *bytes, size_t count) {
    while (count) {
        const ssize_t put = write(line, bytes, count);

        if (put < 0) {
            if (errno == EINTR) continue;
            return;
        }
        bytes += put;
        count -= (size_t)put;
    }
}

uint32_t hal_overruns(void) { return 0; }

uint64_t hal_ticks(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TICK_HZ + (uint64_t)now.tv_nsec;
}

uint64_t hal_tick_hz(void) { return TICK_HZ; }

static void set_running(bool value) {
    running = value;
    sensor_model_run(value, hal_ticks());
}

bool hal_register_read(uint32_t offset, uint32_t *value) { return sim_read_register(simulator, offset, value) == 0; }

bool hal_register_write(uint32_t offset, uint32_t value) {
    if (offset == CODESIGN_CONTROL) sim_configure(simulator, decibytes_per_cycle, latency_cycles);
    if (sim_write_register(simulator, offset, value)) return false;
    if (offset == CODESIGN_CONTROL) set_running(true);
    return true;
}

static void sleep_until(uint64_t until) {
    const struct timespec end = {.tv_sec = (time_t)(until / TICK_HZ), .tv_nsec = (long)(until % TICK_HZ)};

    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

bool hal_wait_interrupt(uint64_t until) {
    if (!running) {
        sleep_until(until);
        return false;
    }
    do {
        if (sim_wait(simulator, SLICE_CYCLES) == 0) {
            set_running(false);
            interrupted = hal_ticks();
            return true;
        }
    } while (hal_ticks() < until);
    return false;
}

uint64_t hal_interrupted(void) { return interrupted; }

uint8_t *hal_shared(void) { return shared; }

uint64_t hal_shared_bytes(void) { return shared_bytes; }

uint64_t hal_shared_address(void) { return 0; }

void hal_clean(const uint8_t *at, size_t bytes) { (void)at, (void)bytes; }

void hal_invalidate(const uint8_t *at, size_t bytes) { (void)at, (void)bytes; }

bool hal_reset_accelerator(void) {
    void *before = simulator;

    new_simulator();
    sim_free(before);
    set_running(false);
    return true;
}

const char *hal_board(void) { return "host"; }

uint32_t hal_capabilities(void) {
    return CODESIGN_CAP_RESET | CODESIGN_CAP_POWER | CODESIGN_CAP_SYNTHETIC_POWER | CODESIGN_CAP_SIMULATED;
}

bool hal_i2c(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    return sensor_model_i2c(hal_ticks(), device, out, out_count, in, in_count);
}

uint32_t hal_boots(void) { return (uint32_t)getpid(); }

struct hal_faults hal_faults(void) {
    const struct hal_faults none = {0, 0, 0};

    return none;
}

static uint64_t number(const char *text) {
    char *end;
    const unsigned long long value = strtoull(text, &end, 10);

    if (*text == 0 || *end) fail(text, "must be a number");
    return value;
}

int main(int count, char **words) {
    if (count != 5) fail("arguments", "SIMULATOR.so MEMORY_BYTES DECIBYTES_PER_CYCLE LATENCY_CYCLES");
    load_simulator(words[1]);
    shared_bytes = number(words[2]);
    decibytes_per_cycle = number(words[3]);
    latency_cycles = number(words[4]);
    new_simulator();
    sensor_model_begin(hal_board(), 1);
    open_line();
    link_serve();
}
