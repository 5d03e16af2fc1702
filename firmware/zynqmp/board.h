/* Zynq UltraScale+: addresses (AMD UG1085 and UG1087), and what this board's files have of each other. */
#ifndef CODESIGN_ZYNQMP_BOARD_H
#define CODESIGN_ZYNQMP_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(BOARD_zcu102)
#define BOARD_NAME "zcu102"
#define UART 0xFF000000u /* UART0: on the USB bridge's first channel */
#define UART_INTERRUPT 53u
#define I2C 0xFF020000u /* I2C0: the power monitors' bus */
#elif defined(BOARD_ultra96_v1) || defined(BOARD_ultra96_v2)
#ifdef BOARD_ultra96_v1
#define BOARD_NAME "ultra96-v1"
#else
#define BOARD_NAME "ultra96-v2"
#endif
#define UART 0xFF010000u /* UART1: on the JTAG and UART pod */
#define UART_INTERRUPT 54u
#define I2C 0xFF030000u /* I2C1 */
#else
#error "BOARD must be zcu102, ultra96-v1 or ultra96-v2"
#endif

#define PERIPHERAL_HZ 100000000u /* what clocks UART and I2C, as Vivado sets it where nobody changes it */

#define GIC_DISTRIBUTOR 0xF9010000u
#define GIC_CORE 0xF9020000u
#define FABRIC_INTERRUPT 121u /* PL_PS_IRQ0[0] */
#define TIMER_INTERRUPT 27u   /* the virtual timer's */

#define FABRIC 0xA0000000u /* M_AXI_HPM0_FPD */
#define FABRIC_BYTES 0x10000u
#define FABRIC_STATUS 0xFFCA3010u /* CSU: PCAP_STATUS */
#define FABRIC_LOADED (1u << 3)   /* PL_DONE */

#define PLATFORM 0xFFCA0044u /* CSU: version; bits 12 to 15 are 0 in silicon, 3 in QEMU (AMD's xplatform_info.h) */
#define PLATFORM_SHIFT 12
#define PLATFORM_MASK 0xFu

#define GPIO 0xFF0A0000u
#define GPIO_RESETS 0x54u           /* DATA_5: EMIO bits 64 to 95; Vivado's pl_resetn0 is the last */
#define GPIO_RESETS_DIRECTION 0x344u
#define GPIO_RESETS_ENABLE 0x348u
#define GPIO_RESET (1u << 31)

#define SHARED 0x40000000u /* the second GiB of DDR: start.S maps it */
#define SHARED_BYTES (512u << 20)

enum { CACHE_LINE_BYTES = 64 };

static inline volatile uint32_t *device(uint32_t base, uint32_t offset) {
    return (volatile uint32_t *)(uintptr_t)(base + offset);
}

/* Interrupts, gic.c. Sleeping is done with them held, so that none comes between a look and the sleep; it ends with
 * the next one or as hal_ticks reaches `until` (0: never), and is given no reason. */
void gic_start(void);
void interrupts_hold(void);
void interrupts_release(void);
void interrupts_sleep(uint64_t until);
void interrupts_abandon(void);
void interrupts_expect_fabric(void); /* its next one is told of, and when it came, whatever goes on */
void uart_start(void);
void uart_interrupt(void);

/* Faults, fault.c: between these two, an access to the fabric may fail. */
void fault_expect(void);
bool fault_happened(void);

#endif
