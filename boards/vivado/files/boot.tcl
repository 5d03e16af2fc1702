# Compiles AMD's first-stage boot loader and PMU firmware for system.xsa: xsct boot.tcl
cd [file dirname [file normalize [info script]]]
set hardware [hsi open_hw_design system.xsa]
foreach {program processor directory} {
    zynqmp_fsbl psu_cortexa53_0 build/fsbl
    zynqmp_pmufw psu_pmu_0 build/pmufw
} {
    file mkdir $directory
    hsi generate_app -hw $hardware -os standalone -proc $processor -app $program -compile -sw $program -dir $directory
    if {![file exists $directory/executable.elf]} {
        puts stderr "codesign: $program must compile: its messages are above"
        exit 1
    }
}
