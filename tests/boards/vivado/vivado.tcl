# Stand-ins for Vivado's commands, which know what may be said: options, objects, settings, ports, files, and the order
# of things. Anything else is an error, as is a variable or a command that does not exist. Arguments: the script to run.
#
# STAND_INS_MODULES   Tcl that sets `modules`: by module, its ports {name direction width} and attributes
# STAND_INS_REPORTS   a folder whose files the report commands give
# STAND_INS_BOARDS    board parts that are known, with the part of each
# STAND_INS_FAILS     a run that does not complete, if any
set here [file dirname [file normalize [info script]]]
source $here/catalog.tcl
source $env(STAND_INS_MODULES)

set state [dict create project {} part {} board {} files {} constraints {} design {} cells {} nets {} links {} mapped {} \
    valid 0 saved 0 top {} runs {} opened 0 generated {} wrapper 0 placed {} params {}]

proc fail {message} { return -code error "stand-in: $message" }
proc has {flag} { dict get $::state $flag }
proc put {flag value} { dict set ::state $flag $value }

# {options} of a call: `flags` take nothing, `keys` a value; `least`..`most` arguments are left.
proc arguments {command given flags keys least most} {
    set options {}
    set rest {}
    while {[llength $given]} {
        set given [lassign $given word]
        if {$word in $flags} {
            dict set options $word 1
        } elseif {$word in $keys} {
            if {![llength $given]} {fail "$command: $word needs a value"}
            set given [lassign $given value]
            dict set options $word $value
        } elseif {[regexp {^-[a-z]} $word]} {
            fail "$command has no option $word"
        } else {
            lappend rest $word
        }
    }
    if {[llength $rest] < $least || [llength $rest] > $most} {fail "$command takes $least to $most arguments, not $rest"}
    return [list $options $rest]
}
proc of_kind {kind objects} {
    set names {}
    foreach object $objects {
        if {![string match $kind:* $object]} {fail "needs a $kind, not $object"}
        lappend names [string range $object [string length $kind:] end]
    }
    return $names
}
proc needs_file {name} { if {![file exists $name]} {fail "no file $name"} }
proc writes_file {name {text ""}} {
    if {![file isdirectory [file dirname $name]]} {fail "no folder for $name"}
    set f [open $name w]; puts -nonewline $f $text; close $f
}

proc version {args} { arguments version $args {-short} {} 0 0; return 2023.2.1 }
proc get_board_parts {args} {
    arguments get_board_parts $args {-quiet} {} 0 0
    if {[info exists ::env(STAND_INS_STORE)] && [dict get $::state params] eq ""} {return {}}
    return [dict keys $::env(STAND_INS_BOARDS)]
}
proc set_param {name value} {
    if {$name ne "board.repoPaths"} {fail "no parameter $name"}
    put params $value
}
namespace eval xhub {
    proc get_xstores {name} { if {$name ne "xilinx_board_store"} {fail "no store $name"}; return store:$name }
    proc refresh_catalog {store} { of_kind store $store }
    proc get_xitems {args} {
        lassign [arguments get_xitems $args {-quiet} {} 1 1] options rest
        set all {avnet.com:xilinx_board_store:Ultra96v1:1.2 avnet.com:xilinx_board_store:Ultra96v2:1.1
                 avnet.com:xilinx_board_store:Ultra96v2:1.2 xilinx.com:xilinx_board_store:zcu102:3.4}
        return [lsearch -all -inline -glob $all $rest]
    }
    proc install {item} { puts "installed $item" }
}

proc create_project {args} {
    lassign [arguments create_project $args {-force} {-part} 1 2] options rest
    if {![dict exists $options -part]} {fail "a project needs its -part"}
    put project [lindex $rest 0]
    put part [dict get $options -part]
    file mkdir [lindex $rest 1]
}
proc needs_project {} { if {[has project] eq ""} {fail "no project is open"} }
proc current_project {} { needs_project; return project:[has project] }
proc current_fileset {} { needs_project; return fileset:sources_1 }
proc add_files {args} {
    needs_project
    lassign [arguments add_files $args {-norecurse} {-fileset} 1 1] options rest
    foreach name [lindex $rest 0] {
        needs_file $name
        if {[dict exists $options -fileset]} {
            if {[dict get $options -fileset] ne "constrs_1"} {fail "no fileset [dict get $options -fileset]"}
            check_constraints $name {}
        } else {
            dict lappend ::state files [file tail $name]
        }
    }
}
proc update_compile_order {args} {
    needs_project
    set options [lindex [arguments update_compile_order $args {} {-fileset} 0 0] 0]
    if {$options ne "" && [dict get $options -fileset] ne "sources_1"} {fail "no fileset $options"}
}
proc get_files {name} {
    needs_project
    if {$name ni [has files]} {fail "no file $name in the project"}
    return file:$name
}
proc generate_target {what files} {
    if {$what ne "all" || ![has saved]} {fail "generate_target all, of a design that is saved"}
    put generated [of_kind file $files]
}
proc make_wrapper {args} {
    set options [lindex [arguments make_wrapper $args {-top} {-files} 0 0] 0]
    set name [of_kind file [dict get $options -files]]
    if {[file extension $name] ne ".bd" || $name ni [has generated]} {fail "a wrapper is of a design that is generated"}
    put wrapper 1
    file mkdir build/project/hdl
    writes_file build/project/hdl/[file rootname $name]_wrapper.v
    return build/project/hdl/[file rootname $name]_wrapper.v
}

proc get_runs {name} {
    needs_project
    if {$name ni {synth_1 impl_1}} {fail "no run $name"}
    return run:$name
}
proc launch_runs {args} {
    lassign [arguments launch_runs $args {} {-to_step -jobs} 1 1] options rest
    if {$rest ne "impl_1" || [dict get $options -to_step] ne "write_bitstream"} {fail "launch_runs $args"}
    if {![string is integer -strict [dict get $options -jobs]]} {fail "-jobs takes a number"}
    if {[has top] ne "system_wrapper" || "system_wrapper.v" ni [has files]} {fail "the top must be system_wrapper"}
    if {[has constraints] eq ""} {fail "no constraints"}
    file mkdir build/project/system.runs/impl_1
    set fails [expr {[info exists ::env(STAND_INS_FAILS)] ? $::env(STAND_INS_FAILS) : ""}]
    foreach run {synth_1 impl_1} {
        if {$run eq $fails} break
        dict set ::state runs $run launched
    }
}
proc wait_on_run {run} {
    dict for {name is} [has runs] {dict set ::state runs $name complete}
    if {[dict exists [has runs] impl_1]} {writes_file build/project/system.runs/impl_1/system_wrapper.bit bits}
}
proc open_run {name} {
    if {![dict exists [has runs] $name]} {fail "$name did not run"}
    put opened 1
}
proc report {name arguments flags keys} {
    if {![has opened]} {fail "report_$name: no design is open"}
    set options [lindex [arguments report_$name $arguments $flags [list {*}$keys -file] 0 0] 0]
    set source $::env(STAND_INS_REPORTS)/[file tail [dict get $options -file]]
    set text {}
    if {[file exists $source]} {set f [open $source]; set text [read $f]; close $f}
    writes_file [dict get $options -file] $text
}
proc report_timing_summary {args} {
    report timing_summary $args {-report_unconstrained -check_timing_verbose} {-delay_type -max_paths}
}
proc report_utilization {args} { report utilization $args {-hierarchical} {} }
proc report_route_status {args} { report route_status $args {} {} }
proc report_drc {args} { report drc $args {} {} }
proc report_power {args} { report power $args {} {} }
proc write_hw_platform {args} {
    set options [lindex [arguments write_hw_platform $args {-fixed -include_bit -force} {-file} 0 0] 0]
    if {![has opened] || ![dict exists $options -include_bit]} {fail "write_hw_platform, of an open run, with the bitstream"}
    if {[file extension [dict get $options -file]] ne ".xsa"} {fail "a hardware platform is an .xsa"}
    writes_file psu_init.tcl "proc psu_init {} {}\nproc psu_ps_pl_isolation_removal {} {}\nproc psu_ps_pl_reset_config {} {}\n"
    exec python3 -m zipfile -c [dict get $options -file] psu_init.tcl
    file delete psu_init.tcl
}
source $here/design.tcl
source $here/implementation.tcl

set argv [lassign $argv script]
source $script
