/* From reset to C: whoever boots us (FSBL, JTAG, a secure monitor) leaves core 0 at EL3, EL2 or EL1, with the MMU off
 * or virtual addresses physical; we run at EL1, not secure, with MMU and caches on. Other cores wait for ever.
 *
 * The main thread uses SP_EL0, exceptions SP_EL1, so that a stack that overflowed can still be reported. */
#define CPUECTLR S3_1_C15_C2_1          /* Cortex-A53: CPUECTLR_EL1 */
#define SMPEN (1 << 6)
#define COUNTER_CONTROL 0xFF260000      /* IOU_SCNTRS: bit 0 enables the system counter */
#define COUNTER_HZ 100000000
#define GIC_GROUPS 0xF9010080           /* GICD_IGROUPR0, 1, ... 5: of 160 peripherals' interrupts and 32 of the core */
#define GIC_PRIORITY_MASK 0xF9020004    /* GICC_PMR */

    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    mrs x0, mpidr_el1
    and x0, x0, #0xff
    cbnz x0, halt
    bl clean_data_caches                /* they may still hold parts of us, as they were loaded */
    mrs x0, CurrentEL
    lsr x0, x0, #2
    cmp x0, #2
    b.lo at_el1
    b.eq at_el2

    mrs x0, CPUECTLR                    /* coherency must be on before caches are */
    orr x0, x0, #SMPEN
    msr CPUECTLR, x0
    mov x0, #0x531                      /* SCR_EL3: RW, HCE, two bits that are always one, NS */
    msr scr_el3, x0
    msr cptr_el3, xzr
    mrs x0, cntfrq_el0
    cbnz x0, 1f
    ldr x0, =COUNTER_HZ
    msr cntfrq_el0, x0
1:  ldr x1, =COUNTER_CONTROL
    ldr w0, [x1]
    orr w0, w0, #1
    str w0, [x1]
    ldr x1, =GIC_GROUPS                 /* all interrupts are of the world that is not secure */
    mov w0, #-1
    stp w0, w0, [x1]
    stp w0, w0, [x1, #8]
    stp w0, w0, [x1, #16]
    ldr x1, =GIC_PRIORITY_MASK
    mov w0, #0xff
    str w0, [x1]
    mov x0, #0x3c9                      /* EL2h, all masked */
    msr spsr_el3, x0
    adr x0, at_el2
    msr elr_el3, x0
    eret

at_el2:
    mov x0, #(1 << 31)                  /* HCR_EL2: EL1 is AArch64, nothing is trapped or routed here */
    msr hcr_el2, x0
    mov x0, #3
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    mov x0, #0x33ff
    msr cptr_el2, x0
    ldr x0, =0x30d00800                 /* SCTLR_EL1: its bits that are always one; MMU and caches off */
    msr sctlr_el1, x0
    mov x0, #0x3c5                      /* EL1h, all masked */
    msr spsr_el2, x0
    adr x0, at_el1
    msr elr_el2, x0
    eret

at_el1:
    ldr x0, =0x30d00800
    msr sctlr_el1, x0
    isb
    adr x0, vectors
    msr vbar_el1, x0
    msr spsel, #1
    ldr x0, =exception_stack_top
    mov sp, x0
    msr spsel, #0
    ldr x0, =stack_top
    mov sp, x0
    mov x0, #0xff00                     /* MAIR_EL1: 0 device nGnRnE, 1 normal write-back */
    msr mair_el1, x0
    ldr x0, =0x200803520                /* TCR_EL1: 4 GiB of 4 KiB pages, tables cached and shared, 40-bit addresses */
    msr tcr_el1, x0
    ldr x0, =level1
    msr ttbr0_el1, x0
    ic iallu
    tlbi vmalle1
    dsb sy
    isb
    ldr x0, =0x30d8181d                 /* SCTLR_EL1: MMU, both caches, stack alignment, nothing writable executes */
    msr sctlr_el1, x0
    isb
    ldr x0, =bss_start
    ldr x1, =bss_end
2:  cmp x0, x1
    b.hs 3f
    str xzr, [x0], #8
    b 2b
3:  bl firmware_start
halt:
    wfe
    b halt

/* By set and way, levels 1 and 2, and invalidate them (the coding: ARM DDI 0487, DC CISW). A Cortex-A53 comes out of
 * reset with invalid caches, so nothing that was never written gets to memory. */
clean_data_caches:
    mov x9, #0                          /* level << 1 */
1:  msr csselr_el1, x9
    isb
    mrs x1, ccsidr_el1
    and x2, x1, #7
    add x2, x2, #4                      /* log2 of a line's bytes */
    ubfx x3, x1, #3, #10                /* highest way */
    ubfx x4, x1, #13, #15               /* highest set */
    clz w5, w3                          /* where a way's number begins */
2:  mov x6, x4
3:  lsl x7, x3, x5
    lsl x8, x6, x2
    orr x7, x7, x8
    orr x7, x7, x9
    dc cisw, x7
    subs x6, x6, #1
    b.ge 3b
    subs x3, x3, #1
    b.ge 2b
    add x9, x9, #2
    cmp x9, #4
    b.lo 1b
    dsb sy
    isb
    ret

/* Virtual is physical. The first 2 MiB are nobody's, so that null pointers fault; then 2 MiB of code and constants,
 * 2 MiB of data (the stack first: one that overflows meets code, and faults). The second GiB of DDR is what the
 * accelerator shares; then come the window to the fabric (0xA0000000) and the peripherals. */
#define READ_ONLY 0x80
#define NEVER_EXECUTE (3 << 53)
#define NORMAL 0x705                    /* a block: accessed, inner shareable, MAIR_EL1 1 */
#define DEVICE 0x401                    /* a block: accessed, MAIR_EL1 0 */
    .section .rodata.tables, "a"
    .align 12
level2:
    .quad 0
    .quad 0x00200000 | NORMAL | READ_ONLY
    .quad 0x00400000 | NORMAL | NEVER_EXECUTE
    .skip 4096 - 3 * 8
level1:
    .quad level2 + 3
    .quad 0x40000000 | NORMAL | NEVER_EXECUTE
    .quad 0x80000000 | DEVICE | NEVER_EXECUTE
    .quad 0xC0000000 | DEVICE | NEVER_EXECUTE
