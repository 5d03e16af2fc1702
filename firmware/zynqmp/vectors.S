/* Exceptions. Interrupts return to where they came from; a fault does where it was a register access's that may fail
 * (fault.c says), and otherwise begins the main loop again. */
    .macro save
    sub sp, sp, #176
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x0, elr_el1
    mrs x1, spsr_el1
    stp x0, x1, [sp, #160]
    .endm

    .macro entry target
    .align 7
    b \target
    .endm

    .text
    .align 11
    .global vectors
vectors:
    entry broken                        /* of the main thread, on SP_EL0: synchronous */
    entry interrupted
    entry broken
    entry broken                        /* SError: a write that failed */
    .rept 12                            /* of a handler; of lower levels, where there is nobody */
    entry hopeless
    .endr

interrupted:
    save
    bl interrupt
restore:
    ldp x0, x1, [sp, #160]
    msr elr_el1, x0
    msr spsr_el1, x1
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x30, [sp, #144]
    add sp, sp, #176
    eret

broken:
    save
    add x0, sp, #160
    mrs x1, esr_el1
    mrs x2, far_el1
    bl fault_expected
    cbnz w0, restore
hopeless:
    ldr x0, =exception_stack_top
    mov sp, x0
    mrs x0, esr_el1
    mrs x1, far_el1
    bl fault_count
    ldr x0, =stack_top
    msr sp_el0, x0
    adr x0, firmware_serve
    msr elr_el1, x0
    mov x0, #4                          /* EL1t, nothing masked */
    msr spsr_el1, x0
    eret
