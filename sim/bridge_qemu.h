/* What the bridge uses of QEMU 7.2 (GPL-2.0): functions that its executable exports, and layouts of its structures.
 * They are those of that version alone. */
#ifndef CODESIGN_BRIDGE_QEMU_H
#define CODESIGN_BRIDGE_QEMU_H

#include <stdbool.h>
#include <stdint.h>

enum { TRANSFERRED = 0, TRANSFER_ERROR = 1, LITTLE_ENDIAN_DEVICE = 2, VIRTUAL_CLOCK = 1, NANOSECONDS = 1, BY_HOST = 3 };

struct operations { /* MemoryRegionOps */
    uint64_t (*read)(void *, uint64_t, unsigned);
    void (*write)(void *, uint64_t, uint64_t, unsigned);
    uint32_t (*read_or_fail)(void *, uint64_t, uint64_t *, unsigned, uint32_t attributes);
    uint32_t (*write_or_fail)(void *, uint64_t, uint64_t, unsigned, uint32_t attributes);
    int endianness;
    struct {
        unsigned least, most;
        bool unaligned;
        void *accepts;
    } valid;
    struct {
        unsigned least, most;
        bool unaligned;
    } implemented;
};
struct notifier { /* Notifier */
    void (*notify)(struct notifier *, void *);
    void *links[2];
};
struct version { /* VersionInfo and VersionTriple */
    struct {
        int64_t major, minor, micro;
    } *qemu;
    char *package;
};
struct machine_class { /* of MachineClass, what matters here */
    uint8_t before_description[0x78];
    const char *description;
    uint8_t between[0x101 - 0x78 - sizeof(char *)];
    bool failed_accesses_are_ignored;
};
typedef union { /* a MemoryRegion, a QEMUTimer: bytes enough */
    uint64_t alignment;
    uint8_t bytes[1024];
} object;

extern void *get_system_memory(void);
extern void memory_region_init_io(void *, void *, const struct operations *, void *, const char *, uint64_t);
extern void memory_region_add_subregion_overlap(void *, uint64_t, void *, int);
extern void *cpu_physical_memory_map(uint64_t, uint64_t *, bool);
extern void qemu_add_machine_init_done_notifier(struct notifier *);
extern struct version *qmp_query_version(void *);
extern void *object_class_by_name(const char *);
extern void *object_resolve_path(const char *, bool *);
extern void *qdev_get_gpio_in(void *, int);
extern void qemu_set_irq(void *, int);
extern void timer_init_full(void *, void *, int, int, int, void (*)(void *), void *);
extern void timer_mod_ns(void *, int64_t);
extern int64_t qemu_clock_get_ns(int);
extern void qemu_system_reset_request(int);

#endif
