# The block design: processing system, accelerator, and what is between them. build.tcl sources it.
#
#   M_AXI_HPM0_FPD, 32 bits -> control (SmartConnect, to AXI4-Lite) -> accelerator/s_axi, at $registers_base
#   accelerator/m_axi... -> slice_0 and on (registers) -> S_AXI_HP0_FPD and on, of $port_bits bits -> all of DDR's first 2 GiB
#   accelerator/irq -> pl_ps_irq0[0], interrupt 121 of the GIC
#   pl_resetn0, which the firmware drives -> reset -> everything; pl_clk0 clocks everything

# What does not exist is an error here; Vivado would warn and go on.
proc need {command args} {
    set found [$command -quiet {*}$args]
    if {[llength $found] != 1} {
        give_up "the block design must have one [join $args] for $command, not [llength $found]"
    }
    return $found
}
proc connect {from args} {
    foreach to $args {
        connect_bd_net [need get_bd_pins $from] [need get_bd_pins $to]
    }
}
proc connect_interface {from to} {
    connect_bd_intf_net [need get_bd_intf_pins $from] [need get_bd_intf_pins $to]
}

create_bd_design system

# Memory, pins and PLLs as the board's files say; then what the accelerator and its firmware need, whatever they say.
# M_AXI_GP0 is M_AXI_HPM0_FPD, GP1 M_AXI_HPM1_FPD, GP2 M_AXI_HPM0_LPD; S_AXI_GP2 is S_AXI_HP0_FPD, and so on (AMD PG201).
create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps
apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} [need get_bd_cells ps]
set ps [dict create \
    CONFIG.PSU__USE__M_AXI_GP0 1 \
    CONFIG.PSU__MAXIGP0__DATA_WIDTH 32 \
    CONFIG.PSU__USE__M_AXI_GP1 0 \
    CONFIG.PSU__USE__M_AXI_GP2 0 \
    CONFIG.PSU__USE__IRQ0 1 \
    CONFIG.PSU__USE__FABRIC__RST 1 \
    CONFIG.PSU__NUM_FABRIC_RESETS 1 \
    CONFIG.PSU__FPGA_PL0_ENABLE 1 \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__SRCSEL IOPLL \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz \
    CONFIG.PSU__CRL_APB__TIMESTAMP_REF_CTRL__FREQMHZ 100]
set hp 0
foreach master $masters {
    dict set ps CONFIG.PSU__USE__S_AXI_GP[expr {$hp + 2}] 1
    dict set ps CONFIG.PSU__SAXIGP[expr {$hp + 2}]__DATA_WIDTH $port_bits
    incr hp
}
dict for {name pins} $peripherals {
    dict set ps CONFIG.PSU__${name}__PERIPHERAL__ENABLE 1
    dict set ps CONFIG.PSU__${name}__PERIPHERAL__IO $pins
    dict set ps CONFIG.PSU__CRL_APB__${name}_REF_CTRL__FREQMHZ 100
}
set_property -dict $ps [need get_bd_cells ps]
set actual_mhz [get_property CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ [need get_bd_cells ps]]
if {abs($actual_mhz - $clock_mhz) > 0.002 * $clock_mhz} {
    give_up "pl_clk0 must be $clock_mhz MHz, and the processing system makes $actual_mhz MHz of it"
}

create_bd_cell -type module -reference $top accelerator
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control
set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1} [need get_bd_cells control]

connect ps/pl_clk0 ps/maxihpm0_fpd_aclk reset/slowest_sync_clk control/aclk accelerator/clk
connect ps/pl_resetn0 reset/ext_reset_in
connect reset/interconnect_aresetn control/aresetn
connect reset/peripheral_reset accelerator/rst
connect accelerator/irq ps/pl_ps_irq0
connect_interface ps/M_AXI_HPM0_FPD control/S00_AXI
connect_interface control/M00_AXI accelerator/s_axi
assign_bd_address -offset $registers_base -range $registers_bytes \
    -target_address_space [need get_bd_addr_spaces ps/Data] [need get_bd_addr_segs accelerator/s_axi/reg0] -force

set hp 0
foreach master $masters {
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_register_slice slice_$hp
    connect ps/pl_clk0 slice_$hp/aclk ps/saxihp${hp}_fpd_aclk
    connect reset/interconnect_aresetn slice_$hp/aresetn
    connect_interface accelerator/$master slice_$hp/S_AXI
    connect_interface slice_$hp/M_AXI ps/S_AXI_HP${hp}_FPD
    assign_bd_address -offset 0x00000000 -range 0x80000000 \
        -target_address_space [need get_bd_addr_spaces accelerator/$master] \
        [need get_bd_addr_segs ps/SAXIGP[expr {$hp + 2}]/HP${hp}_DDR_LOW] -force
    incr hp
}

validate_bd_design
save_bd_design
