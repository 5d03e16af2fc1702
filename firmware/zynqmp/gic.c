/* Interrupts: the GIC-400 as the world that is not secure sees it (ARM IHI 0048B), and sleeping until one comes. */
#include "board.h"
#include "hal.h"

enum { NONE = 1020, PRIORITY = 0x80, TIMER_ON = 1 };

static volatile bool fabric_done;
static volatile uint64_t fabric_ticks; /* when */
static volatile uint32_t taken = NONE;

void interrupt(void);

static volatile uint32_t *enable_word(uint32_t id) { return device(GIC_DISTRIBUTOR, 0x100 + 4 * (id / 32)); }

static void enable(uint32_t id) { *enable_word(id) = 1u << id % 32; }

static void disable(uint32_t id) { *device(GIC_DISTRIBUTOR, 0x180 + 4 * (id / 32)) = 1u << id % 32; }

static void set_byte(uint32_t offset, uint8_t value) {
    *(volatile uint8_t *)(uintptr_t)(GIC_DISTRIBUTOR + offset) = value;
}

static void stop_timer(void) { __asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb"); }

void gic_start(void) {
    const uint32_t ids[] = {UART_INTERRUPT, FABRIC_INTERRUPT, TIMER_INTERRUPT};

    stop_timer();
    *device(GIC_DISTRIBUTOR, 0) = 0;
    for (uint32_t id = 0; id <= FABRIC_INTERRUPT; id += 32) *device(GIC_DISTRIBUTOR, 0x180 + 4 * (id / 32)) = ~0u;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        set_byte(0x400 + ids[i], PRIORITY);
        set_byte(0x800 + ids[i], 1); /* to core 0 */
    }
    *device(GIC_DISTRIBUTOR, 0) = 1;
    *device(GIC_CORE, 4) = 0xFF; /* all priorities */
    *device(GIC_CORE, 0) = 1;
    enable(UART_INTERRUPT);
    enable(TIMER_INTERRUPT);
}

void interrupt(void) {
    const uint32_t acknowledged = *device(GIC_CORE, 0x0C), id = acknowledged & 0x3FF;

    if (id >= NONE) return;
    taken = acknowledged;
    if (id == UART_INTERRUPT) {
        uart_interrupt();
    } else if (id == FABRIC_INTERRUPT) {
        fabric_ticks = hal_ticks();
        fabric_done = true;
        disable(FABRIC_INTERRUPT); /* the line stays high until the accelerator is told */
    } else if (id == TIMER_INTERRUPT) {
        stop_timer();
    }
    taken = NONE;
    *device(GIC_CORE, 0x10) = acknowledged;
}

/* After a fault within interrupt(): the core would wait for its end for ever. */
void interrupts_abandon(void) {
    if (taken != NONE) *device(GIC_CORE, 0x10) = taken;
    taken = NONE;
}

void interrupts_hold(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }

void interrupts_release(void) { __asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory"); }

void interrupts_sleep(uint64_t until) {
    if (until) {
        __asm__ volatile("msr cntv_cval_el0, %0" ::"r"(until));
        __asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"((uint64_t)TIMER_ON));
    }
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
    interrupts_release();
    interrupts_hold();
    stop_timer();
}

void interrupts_expect_fabric(void) {
    disable(FABRIC_INTERRUPT);
    fabric_done = false;
    enable(FABRIC_INTERRUPT);
}

bool hal_wait_interrupt(uint64_t until) {
    bool done;

    interrupts_hold();
    while (!fabric_done && hal_ticks() < until) interrupts_sleep(until);
    done = fabric_done;
    fabric_done = false;
    interrupts_release();
    return done;
}

uint64_t hal_interrupted(void) { return fabric_ticks; }
