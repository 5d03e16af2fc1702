# Stand-ins for the commands of xsct (hsi) and xsdb, as vivado.tcl has them for Vivado's. Arguments: the script to run.
set state [dict create connected 0 target {} reset {} done {} forced 0]
proc fail {message} { return -code error "stand-in: $message" }
proc has {flag} { dict get $::state $flag }
proc put {flag value} { dict set ::state $flag $value }
proc needs_file {name} { if {![file exists $name]} {fail "no file $name"} }
proc needs_target {pattern} { if {![string match $pattern [has target]]} {fail "the target is {[has target]}, not $pattern"} }
proc needs_done {args} { foreach what $args {if {$what ni [has done]} {fail "$what must come before"}} }
proc done {what} { dict lappend ::state done $what }

# xsct
proc hsi {command args} {
    switch $command {
        open_hw_design {
            needs_file [lindex $args 0]
            if {[file extension [lindex $args 0]] ne ".xsa"} {fail "a hardware design is an .xsa"}
            return hardware
        }
        generate_app {
            set options [lmap word $args {if {$word eq "-compile"} continue; set word}]
            set known {-hw -os -proc -app -sw -dir}
            foreach key [dict keys $options] {if {$key ni $known} {fail "generate_app has no $key"}}
            set pairs {zynqmp_fsbl psu_cortexa53_0 zynqmp_pmufw psu_pmu_0}
            set app [dict get $options -app]
            if {[dict get $options -hw] ne "hardware" || [dict get $options -os] ne "standalone"} {fail "generate_app $args"}
            if {![dict exists $pairs $app] || [dict get $pairs $app] ne [dict get $options -proc]} {
                fail "no $app for [dict get $options -proc]"
            }
            if {![file isdirectory [dict get $options -dir]]} {fail "no folder [dict get $options -dir]"}
            if {"-compile" in $args} {close [open [dict get $options -dir]/executable.elf w]}
        }
        default {fail "hsi has no $command"}
    }
}

# xsdb
proc connect {} { put connected 1 }
proc disconnect {} { put connected 0 }
proc targets {args} {
    if {![has connected]} {fail "not connected"}
    if {[lrange $args 0 2] ne {-set -nocase -filter} || [llength $args] != 4} {fail "targets $args"}
    if {![regexp {^name =~ "(.*)"$} [lindex $args 3] -> pattern]} {fail "no filter [lindex $args 3]"}
    foreach name {PSU APU "Cortex-A53 #0" "Cortex-A53 #1" PL} {
        if {[string match -nocase $pattern $name]} {put target $name; return}
    }
    fail "no target $pattern"
}
proc rst {what} {
    switch -- $what {
        -system {needs_target PSU; done reset}
        -processor {needs_target Cortex*; done processor}
        default {fail "rst $what"}
    }
}
proc fpga {option name} {
    if {$option ne "-file"} {fail "fpga has no $option"}
    needs_file $name
    needs_done reset
    done fpga
}
proc configparams {name value} { if {$name ne "force-mem-access"} {fail "no parameter $name"}; put forced $value }
proc dow {name} {
    needs_file $name
    needs_target Cortex*
    needs_done psu_init psu_ps_pl_isolation_removal psu_ps_pl_reset_config fpga processor
    done dow
}
proc con {} { needs_target Cortex*; needs_done dow }
# psu_init.tcl brings these; they must run on the PSU, in this order, with the fabric loaded.
proc traced {name earlier} {
    rename $name real_$name
    proc $name {} "needs_target PSU; needs_done fpga $earlier; if {!\[has forced\]} {fail {memory access must be forced}}; done $name"
}
rename source real_source
proc source {name} {
    uplevel 1 [list real_source $name]
    if {[file tail $name] eq "psu_init.tcl"} {
        traced psu_init {}
        traced psu_ps_pl_isolation_removal psu_init
        traced psu_ps_pl_reset_config psu_ps_pl_isolation_removal
    }
}
rename after real_after
proc after {ms} { if {![string is integer -strict $ms]} {fail "after $ms"} }

set argv [lassign $argv script]
real_source $script
