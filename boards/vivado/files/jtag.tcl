# Brings bitstream and firmware onto a board by JTAG, without a boot image: xsdb jtag.tcl
# The board's switches should select JTAG boot; psu_init.tcl is system.xsa's.
cd [file dirname [file normalize [info script]]]
foreach needed {build/system.bit build/psu_init.tcl firmware.elf} {
    if {![file exists $needed]} {
        puts stderr "codesign: $needed must exist: run make first"
        exit 1
    }
}
connect
targets -set -nocase -filter {name =~ "PSU"}
rst -system
after 3000
fpga -file build/system.bit
# The debugger knows no memory map of ours.
configparams force-mem-access 1
source build/psu_init.tcl
psu_init
after 1000
psu_ps_pl_isolation_removal
after 1000
psu_ps_pl_reset_config
targets -set -nocase -filter {name =~ "Cortex-A53 #0"}
rst -processor
dow firmware.elf
configparams force-mem-access 0
con
disconnect
