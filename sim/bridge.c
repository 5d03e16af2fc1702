/* The programmable logic of a virtual ZCU102: a QEMU plugin that puts the verilated accelerator behind the PL window.
 *
 *     qemu-system-aarch64 -M xlnx-zcu102 ... -plugin bridge.so,simulator=SIMULATOR.so,decibytes=N,latency=N,board=NAME
 *
 * Being a plugin is only the way in: everything else uses what bridge_qemu.h declares of QEMU 7.2, and any other
 * version is refused.
 *
 * The accelerator's clock stands still but for accesses to its registers and while a run is on. All calls but stdin's
 * are made with QEMU's big lock held. Stdin: 'r' resets the board; its end ends QEMU, whose parent has gone. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge_i2c.h"
#include "bridge_qemu.h"
#include "host/sensor_model.h"
#include "registers.h"

/* ---- the accelerator (sim/simulator.cpp) ---- */

static void *(*sim_new)(uint64_t);
static void (*sim_free)(void *);
static void (*sim_attach)(void *, uint8_t *, uint64_t, uint64_t);
static void (*sim_configure)(void *, uint64_t, uint64_t);
static int (*sim_write_register)(void *, uint32_t, uint32_t);
static int (*sim_read_register)(void *, uint32_t, uint32_t *);
static int (*sim_wait)(void *, uint64_t);
static int (*sim_interrupt)(void *);

enum { FABRIC = 0xA0000000, FABRIC_BYTES = 0x10000, FABRIC_INTERRUPT = 121 - 32, DDR_BYTES = 0x80000000 };
enum { PERIPHERALS = 0xF9000000, PERIPHERALS_BYTES = 0x07000000 };
enum { FABRIC_STATUS = 0xFFCA3010, FABRIC_LOADED = 1 << 3, PLATFORM = 0xFFCA0044, PLATFORM_QEMU = 3 << 12 };
enum { I2C0 = 0xFF020000, I2C1 = 0xFF030000, I2C_BYTES = 0x1000 };
enum { GPIO_RESETS = 0xFF0A0054, GPIO_ENABLE = 0xFF0A0348 };
static const uint32_t RESET = 1u << 31;
enum { LONGEST_SLICE_CYCLES = 2000, SLICE_NS = 2000000 }; /* between which QEMU sees to its other business */

static void *simulator, *interrupt_line;
static uint8_t *ddr;
static uint64_t decibytes_per_cycle, latency_cycles;
static bool running;
static object clock_timer;

static int fail(const char *what, const char *why) {
    fprintf(stderr, "bridge: %s: %s\n", what, why);
    return 1;
}

static uint64_t now_ns(void) { return (uint64_t)qemu_clock_get_ns(VIRTUAL_CLOCK); }

static void set_running(bool value) {
    if (value != running) sensor_model_run(value, now_ns());
    running = value;
}

static void new_accelerator(void) {
    if (simulator) sim_free(simulator);
    simulator = sim_new(0);
    sim_attach(simulator, ddr, 0, DDR_BYTES);
    sim_configure(simulator, decibytes_per_cycle, latency_cycles);
    set_running(false);
    qemu_set_irq(interrupt_line, 0);
}

static void next_slice(void) { timer_mod_ns(&clock_timer, qemu_clock_get_ns(VIRTUAL_CLOCK) + 1); }

static uint64_t used_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* For about SLICE_NS of this thread: meanwhile the processor waits for every device, and a large accelerator is slow. */
static void simulate_slice(void) {
    static uint64_t cycles = LONGEST_SLICE_CYCLES;
    const uint64_t begin = used_ns();
    uint64_t took;

    sim_wait(simulator, cycles);
    took = used_ns() - begin;
    if (took > SLICE_NS && cycles > 1) cycles /= 2;
    else if (took < SLICE_NS / 4 && cycles < LONGEST_SLICE_CYCLES) cycles *= 2;
}

static void clock_slice(void *unused) {
    uint32_t status = 0;

    (void)unused;
    if (!running) return;
    simulate_slice();
    qemu_set_irq(interrupt_line, sim_interrupt(simulator));
    set_running(sim_read_register(simulator, CODESIGN_STATUS, &status) == 0 && status & CODESIGN_STATUS_BUSY);
    if (running) next_slice();
}

static uint32_t fabric_read(void *unused, uint64_t offset, uint64_t *data, unsigned size, uint32_t attributes) {
    uint32_t value = 0;
    const int response = sim_read_register(simulator, (uint32_t)offset, &value);

    (void)unused, (void)size, (void)attributes;
    *data = value;
    qemu_set_irq(interrupt_line, sim_interrupt(simulator));
    return response ? TRANSFER_ERROR : TRANSFERRED;
}

static uint32_t fabric_write(void *unused, uint64_t offset, uint64_t data, unsigned size, uint32_t attributes) {
    const int response = sim_write_register(simulator, (uint32_t)offset, (uint32_t)data);

    (void)unused, (void)size, (void)attributes;
    qemu_set_irq(interrupt_line, sim_interrupt(simulator));
    if (offset == CODESIGN_CONTROL && !response) {
        set_running(true);
        next_slice();
    }
    return response ? TRANSFER_ERROR : TRANSFERRED;
}

/* ---- what QEMU's ZCU102 lacks of the peripherals: the fabric's state and resets, I2C; the others read as 0 ---- */

static uint32_t gpio_resets = UINT32_MAX, gpio_enable;
static uint64_t i2c_at; /* the bus with power sensors */

static uint64_t peripheral_read(void *unused, uint64_t offset, unsigned size) {
    const uint64_t at = PERIPHERALS + offset;

    (void)unused, (void)size;
    if (at - i2c_at < I2C_BYTES) return i2c_read(at - i2c_at);
    switch (at) {
    case FABRIC_STATUS: return FABRIC_LOADED;
    case PLATFORM: return PLATFORM_QEMU;
    case GPIO_RESETS: return gpio_resets;
    case GPIO_ENABLE: return gpio_enable;
    default: return 0;
    }
}

static void peripheral_write(void *unused, uint64_t offset, uint64_t data, unsigned size) {
    const uint64_t at = PERIPHERALS + offset;

    (void)unused, (void)size;
    if (at - i2c_at < I2C_BYTES) i2c_write(at - i2c_at, (uint32_t)data, now_ns());
    if (at == GPIO_RESETS) gpio_resets = (uint32_t)data;
    if (at == GPIO_ENABLE) gpio_enable = (uint32_t)data;
    if (gpio_enable & RESET && !(gpio_resets & RESET)) new_accelerator();
}

static const struct operations fabric = {
    .read_or_fail = fabric_read, .write_or_fail = fabric_write, .endianness = LITTLE_ENDIAN_DEVICE,
    .valid = {.least = 4, .most = 4}, .implemented = {.least = 4, .most = 4},
};
static const struct operations peripherals = {
    .read = peripheral_read, .write = peripheral_write, .endianness = LITTLE_ENDIAN_DEVICE,
    .valid = {.least = 1, .most = 8}, .implemented = {.least = 1, .most = 8},
};

static void map(object *region, const struct operations *operations, const char *name, uint64_t at, uint64_t bytes,
                int priority) {
    memory_region_init_io(region, NULL, operations, NULL, name, bytes);
    memory_region_add_subregion_overlap(get_system_memory(), at, region, priority);
}

static void machine_done(struct notifier *notifier, void *unused) {
    static object fabric_region, peripherals_region;
    uint64_t bytes = DDR_BYTES;

    (void)notifier, (void)unused;
    ddr = cpu_physical_memory_map(0, &bytes, true);
    if (!ddr || bytes != DDR_BYTES) exit(fail("memory", "must be 2 GiB"));
    interrupt_line = qdev_get_gpio_in(object_resolve_path("/machine/soc/gic", NULL), FABRIC_INTERRUPT);
    timer_init_full(&clock_timer, NULL, VIRTUAL_CLOCK, NANOSECONDS, 0, clock_slice, NULL);
    new_accelerator();
    map(&fabric_region, &fabric, "codesign-fabric", FABRIC, FABRIC_BYTES, 0);
    map(&peripherals_region, &peripherals, "codesign-peripherals", PERIPHERALS, PERIPHERALS_BYTES, -1);
}

/* ---- loading ---- */

static void *watch_stdin(void *unused) {
    char command;

    (void)unused;
    while (read(STDIN_FILENO, &command, 1) == 1)
        if (command == 'r') qemu_system_reset_request(BY_HOST);
    _exit(0);
}

static bool find(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static bool load_simulator(const char *path) {
    void *library = dlopen(path, RTLD_NOW);

    return library && find(library, "sim_new", &sim_new) && find(library, "sim_free", &sim_free)
        && find(library, "sim_attach", &sim_attach) && find(library, "sim_configure", &sim_configure)
        && find(library, "sim_write_register", &sim_write_register)
        && find(library, "sim_read_register", &sim_read_register) && find(library, "sim_wait", &sim_wait)
        && find(library, "sim_interrupt", &sim_interrupt);
}

/* An access that the accelerator refuses must fail, which QEMU's ZCU102 otherwise hides: before it has processors. */
static bool let_accesses_fail(void) {
    struct machine_class *machine = object_class_by_name("xlnx-zcu102-machine");

    if (!machine || !machine->description || !strstr(machine->description, "ZCU102")
        || !machine->failed_accesses_are_ignored)
        return false;
    machine->failed_accesses_are_ignored = false;
    return true;
}

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int count, char **words) {
    static struct notifier done = {.notify = machine_done};
    const struct version *version = qmp_query_version(NULL);
    pthread_t thread;
    char simulator_path[4096] = "", board[64] = "";

    (void)id, (void)info;
    if (version->qemu->major != 7 || version->qemu->minor != 2) return fail("QEMU", "must be version 7.2");
    for (int i = 0; i < count; i++) {
        if (sscanf(words[i], "simulator=%4095[^\n]", simulator_path) == 1) continue;
        if (sscanf(words[i], "decibytes=%lu", &decibytes_per_cycle) == 1) continue;
        if (sscanf(words[i], "latency=%lu", &latency_cycles) == 1) continue;
        if (sscanf(words[i], "board=%63[^\n]", board) == 1) continue;
        return fail(words[i], "is no argument");
    }
    if (decibytes_per_cycle == 0) return fail("decibytes", "must be positive");
    if (!load_simulator(simulator_path)) return fail("simulator", dlerror());
    if (!let_accesses_fail()) return fail("machine", "must be QEMU 7.2's xlnx-zcu102");
    i2c_at = strcmp(board, "zcu102") ? I2C1 : I2C0;
    sensor_model_begin(board, 0);
    if (pthread_create(&thread, NULL, watch_stdin, NULL)) return fail("thread", "must start");
    qemu_add_machine_init_done_notifier(&done);
    return 0;
}
