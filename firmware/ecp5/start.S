/* Where the soft core begins, and what it does when something is wrong: begin the main loop again. The instructions
 * that PicoRV32 has of its own are coded as its README says. */
#include "system.h"

#define GETQ(to, q) .word 0x0000000B | to << 7 | q << 15
#define SETQ(q, from) .word 0x0200000B | q << 7 | from << 15
#define RETIRQ .word 0x0400000B
#define MASKIRQ(to, from) .word 0x0600000B | to << 7 | from << 15
#define ZERO 0
#define T0 5
#define A0 10
#define A1 11
#define RETURN 0 /* q0: where to go on */
#define PENDING 1 /* q1: the interrupts that are taken */

    .section .text.start, "ax"
    .global _start
_start:
    j begin

    /* A fault: the only interrupts that there are. Its address is in q0, that of the instruction after it. */
    .org 0x10
    la sp, stack_top
    GETQ(A0, RETURN)
    GETQ(A1, PENDING)
    call fault_count
    la sp, stack_top
    la t0, firmware_serve
    SETQ(RETURN, T0)
    RETIRQ

begin:
    la sp, stack_top
    la t0, bss_start
    la t1, bss_end
1:  sw zero, 0(t0)
    addi t0, t0, 4
    bltu t0, t1, 1b
    MASKIRQ(ZERO, ZERO) /* all of them are on */
    call firmware_start
halt:
    j halt
