/* Zynq UltraScale+, bare metal on one Cortex-A53: memory, clock, the accelerator's registers, starting. */
#include "hal.h"

#include "board.h"
#include "link.h"
#include "protocol.h"
#include "registers.h"

enum { BOOTS_MAGIC = 0x424F4F54, RESET_US = 10, SETTLE_MS = 100 };

static bool resets; /* the last reset of the accelerator was seen to work */
static struct { uint32_t magic, count; } boots __attribute__((section(".noinit")));

void firmware_start(void);
void firmware_serve(void);

uint64_t hal_ticks(void) {
    uint64_t ticks;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

uint64_t hal_tick_hz(void) {
    uint64_t hz;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
}

/* The window hangs, on a board, while nothing is loaded behind it. */
static bool can_access(uint32_t offset) {
    return offset < FABRIC_BYTES && offset % 4 == 0 && *device(FABRIC_STATUS, 0) & FABRIC_LOADED;
}

bool hal_register_read(uint32_t offset, uint32_t *value) {
    uint32_t found = 0;

    if (!can_access(offset)) return false;
    fault_expect();
    __asm__ volatile("ldr %w0, [%1]" : "+r"(found) : "r"(device(FABRIC, offset)) : "memory");
    if (fault_happened()) return false;
    *value = found;
    return true;
}

bool hal_register_write(uint32_t offset, uint32_t value) {
    if (!can_access(offset)) return false;
    if (offset == CODESIGN_CONTROL) interrupts_expect_fabric();
    fault_expect();
    __asm__ volatile("dsb sy\n\tstr %w0, [%1]" ::"r"(value), "r"(device(FABRIC, offset)) : "memory");
    return !fault_happened();
}

uint8_t *hal_shared(void) { return (uint8_t *)(uintptr_t)SHARED; }

uint64_t hal_shared_bytes(void) { return SHARED_BYTES; }

uint64_t hal_shared_address(void) { return SHARED; }

/* Lines that are clean, cleaning leaves as they are in memory. So it does for both directions, and harms no neighbour
 * in a line that is shared with one. */
static void clean_and_invalidate(const uint8_t *at, size_t bytes) {
    const uintptr_t end = (uintptr_t)at + bytes;

    for (uintptr_t line = (uintptr_t)at & ~(uintptr_t)(CACHE_LINE_BYTES - 1); line < end; line += CACHE_LINE_BYTES)
        __asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
    __asm__ volatile("dsb sy" ::: "memory");
}

void hal_clean(const uint8_t *at, size_t bytes) { clean_and_invalidate(at, bytes); }

void hal_invalidate(const uint8_t *at, size_t bytes) { clean_and_invalidate(at, bytes); }

static void drive_reset(uint32_t level) {
    const uint64_t end = hal_ticks() + hal_tick_hz() / 1000000 * RESET_US;

    *device(GPIO, GPIO_RESETS) = level;
    while (hal_ticks() < end) {}
}

static void pulse_reset(void) {
    *device(GPIO, GPIO_RESETS_DIRECTION) = GPIO_RESET;
    *device(GPIO, GPIO_RESETS_ENABLE) = GPIO_RESET;
    drive_reset(0);
    drive_reset(GPIO_RESET);
}

/* A run that is on may still end: memory's port is best reset while it owes nothing. */
static void settle(void) {
    const uint64_t end = hal_ticks() + hal_tick_hz() * SETTLE_MS / 1000;
    uint32_t status;

    while (hal_register_read(CODESIGN_STATUS, &status)
           && status & (CODESIGN_STATUS_BUSY | CODESIGN_STATUS_OUTSTANDING) && hal_ticks() < end) {}
}

/* By the fabric's first reset line. A design need not wire it: a register that keeps its value says that. */
bool hal_reset_accelerator(void) {
    uint32_t value = 0;

    settle();
    pulse_reset();
    resets = hal_register_write(CODESIGN_WATCHDOG, 1);
    if (resets) {
        pulse_reset();
        resets = hal_register_read(CODESIGN_WATCHDOG, &value) && value == 0;
    }
    return resets;
}

const char *hal_board(void) { return BOARD_NAME; }

uint32_t hal_capabilities(void) {
    const bool is_silicon = (*device(PLATFORM, 0) >> PLATFORM_SHIFT & PLATFORM_MASK) == 0;

    return CODESIGN_CAP_POWER | (resets ? CODESIGN_CAP_RESET : 0)
        | (is_silicon ? 0 : CODESIGN_CAP_SYNTHETIC_POWER | CODESIGN_CAP_SIMULATED);
}

uint32_t hal_boots(void) { return boots.count; }

/* A reset leaves DDR as it was, or cleared; power leaves anything there. */
static void count_boot(void) {
    if (boots.magic != BOOTS_MAGIC) boots.count = 0;
    boots.magic = BOOTS_MAGIC;
    boots.count++;
    clean_and_invalidate((const uint8_t *)&boots, sizeof boots);
}

/* Here, too, after a fault: a session goes on. */
void firmware_serve(void) { link_serve(); }

void firmware_start(void) {
    count_boot();
    gic_start();
    uart_start();
    __asm__ volatile("msr daifclr, #6\n\tisb" ::: "memory"); /* interrupts and SError */
    (void)hal_reset_accelerator(); /* a run may be on since before the processor was reset */
    firmware_serve();
}
