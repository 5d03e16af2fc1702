# What the stand-ins know of the IP in a block design: pins, interfaces, settings and the values they take.
#
# Sources: AMD PG201 (Zynq UltraScale+ processing system; which M_AXI_GP and S_AXI_GP is which port), PG164 (processor
# system reset), PG247 (SmartConnect), PG373 (AXI register slice); names of settings and pins as in the Tcl that Vivado
# writes of block designs (write_bd_tcl) in public projects, and as in the presets of
# github.com/Xilinx/XilinxBoardStore: boards/Avnet/ultra96v1/1.2, ultra96v2/1.2, boards/Xilinx/zcu102/3.4.

# ip -> setting -> pattern of its values
set bit {[01]}
dict set catalog settings zynq_ultra_ps_e [dict create \
    PSU__USE__IRQ0 $bit PSU__USE__FABRIC__RST $bit PSU__NUM_FABRIC_RESETS {[0-4]} \
    PSU__FPGA_PL0_ENABLE $bit PSU__CRL_APB__PL0_REF_CTRL__SRCSEL {(IOPLL|RPLL|DPLL)} \
    PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {[0-9.]+} PSU__CRL_APB__TIMESTAMP_REF_CTRL__FREQMHZ {[0-9.]+} \
    PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ {}]
for {set i 0} {$i < 3} {incr i} {
    dict set catalog settings zynq_ultra_ps_e PSU__USE__M_AXI_GP$i $bit
    dict set catalog settings zynq_ultra_ps_e PSU__MAXIGP${i}__DATA_WIDTH {(32|64|128)}
}
for {set i 0} {$i < 7} {incr i} {
    dict set catalog settings zynq_ultra_ps_e PSU__USE__S_AXI_GP$i $bit
    dict set catalog settings zynq_ultra_ps_e PSU__SAXIGP${i}__DATA_WIDTH {(32|64|128)}
}
# Pins that a peripheral may have: every twelfth or every fourth pair of MIO (AMD UG1085, MIO table)
foreach {name first step} {UART0 2 4 UART1 0 4 I2C0 2 4 I2C1 0 4} {
    set pairs {}
    for {set pin $first} {$pin < 77} {incr pin $step} {
        lappend pairs "MIO $pin .. [expr {$pin + 1}]"
    }
    dict set catalog settings zynq_ultra_ps_e PSU__${name}__PERIPHERAL__ENABLE $bit
    dict set catalog settings zynq_ultra_ps_e PSU__${name}__PERIPHERAL__IO ([join $pairs |])
    dict set catalog settings zynq_ultra_ps_e PSU__CRL_APB__${name}_REF_CTRL__FREQMHZ {[0-9.]+}
}
dict set catalog settings smartconnect [dict create NUM_SI {[1-9]|1[0-6]} NUM_MI {[1-9]|1[0-6]}]
dict set catalog settings proc_sys_reset {}
dict set catalog settings axi_register_slice {}

# Each pin: name, direction, kind (clk, rst: active high, rstn, intr, -), the setting it needs (or -).
dict set catalog pins zynq_ultra_ps_e {
    {pl_clk0 out clk PSU__FPGA_PL0_ENABLE}
    {pl_resetn0 out rstn PSU__USE__FABRIC__RST}
    {pl_ps_irq0 in intr PSU__USE__IRQ0}
    {maxihpm0_fpd_aclk in clk PSU__USE__M_AXI_GP0}
    {maxihpm1_fpd_aclk in clk PSU__USE__M_AXI_GP1}
    {maxihpm0_lpd_aclk in clk PSU__USE__M_AXI_GP2}
    {saxihp0_fpd_aclk in clk PSU__USE__S_AXI_GP2}
    {saxihp1_fpd_aclk in clk PSU__USE__S_AXI_GP3}
    {saxihp2_fpd_aclk in clk PSU__USE__S_AXI_GP4}
    {saxihp3_fpd_aclk in clk PSU__USE__S_AXI_GP5}
}
dict set catalog pins proc_sys_reset {
    {slowest_sync_clk in clk -} {ext_reset_in in rstn -} {aux_reset_in in optional -} {mb_debug_sys_rst in optional -}
    {dcm_locked in optional -} {mb_reset out rst -} {bus_struct_reset out rst -} {peripheral_reset out rst -}
    {interconnect_aresetn out rstn -} {peripheral_aresetn out rstn -}
}
dict set catalog pins smartconnect {{aclk in clk -} {aresetn in rstn -}}
dict set catalog pins axi_register_slice {{aclk in clk -} {aresetn in rstn -}}

# Each interface: name, mode, protocol, data width (a setting, a number, or any), the setting it needs (or -).
dict set catalog interfaces zynq_ultra_ps_e {
    {M_AXI_HPM0_FPD master AXI4 PSU__MAXIGP0__DATA_WIDTH PSU__USE__M_AXI_GP0}
    {M_AXI_HPM1_FPD master AXI4 PSU__MAXIGP1__DATA_WIDTH PSU__USE__M_AXI_GP1}
    {M_AXI_HPM0_LPD master AXI4 PSU__MAXIGP2__DATA_WIDTH PSU__USE__M_AXI_GP2}
    {S_AXI_HP0_FPD slave AXI4 PSU__SAXIGP2__DATA_WIDTH PSU__USE__S_AXI_GP2}
    {S_AXI_HP1_FPD slave AXI4 PSU__SAXIGP3__DATA_WIDTH PSU__USE__S_AXI_GP3}
    {S_AXI_HP2_FPD slave AXI4 PSU__SAXIGP4__DATA_WIDTH PSU__USE__S_AXI_GP4}
    {S_AXI_HP3_FPD slave AXI4 PSU__SAXIGP5__DATA_WIDTH PSU__USE__S_AXI_GP5}
}
dict set catalog interfaces proc_sys_reset {}
dict set catalog interfaces smartconnect {{S00_AXI slave any any -} {M00_AXI master any any -}}
dict set catalog interfaces axi_register_slice {{S_AXI slave same same -} {M_AXI master same same -}}

# Address spaces of masters and segments of slaves: name, offset and bytes that may be assigned.
dict set catalog spaces zynq_ultra_ps_e {Data}
dict set catalog segments zynq_ultra_ps_e {
    {SAXIGP2/HP0_DDR_LOW 0x0 0x80000000} {SAXIGP3/HP1_DDR_LOW 0x0 0x80000000}
    {SAXIGP4/HP2_DDR_LOW 0x0 0x80000000} {SAXIGP5/HP3_DDR_LOW 0x0 0x80000000}
}
# What M_AXI_HPM0_FPD reaches (AMD UG1085, PL AXI interfaces).
set HPM0_WINDOW {0xA0000000 0xAFFFFFFF}
