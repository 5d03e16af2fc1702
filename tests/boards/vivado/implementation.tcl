# Stand-ins for properties, constraints, and implementation without a project: see vivado.tcl.

proc check_property {object name value} {
    lassign [split $object :] kind which
    switch $kind {
        bd_cell {set_cell $which $name $value}
        project {
            if {$name ne "board_part" || ![dict exists $::env(STAND_INS_BOARDS) $value]} {fail "no $name $value"}
            put board $value
            put part [dict get $::env(STAND_INS_BOARDS) $value]
        }
        fileset {
            if {$name ne "top" || "$value.v" ni [has files]} {fail "fileset: no $name $value"}
            put top $value
        }
        file {if {$name ne "synth_checkpoint_mode" || $value ni {None Singular Hierarchical}} {fail "file: no $name $value"}}
        run {
            set strategies {synth_1 {Flow_PerfOptimized_high} impl_1 {Performance_ExplorePostRoutePhysOpt Performance_Explore}}
            if {$name ne "strategy" || $value ni [dict get $strategies $which]} {fail "$which: no $name $value"}
        }
        design {if {$name ne "BITSTREAM.GENERAL.COMPRESS" || $value ni {TRUE FALSE}} {fail "design: no $name $value"}}
        default {fail "set_property of $object"}
    }
}
proc set_property {args} {
    if {[lindex $args 0] eq "-dict"} {
        if {[llength $args] != 3} {fail "set_property -dict takes a list and an object"}
        dict for {name value} [lindex $args 1] {check_property [lindex $args 2] $name $value}
    } else {
        if {[llength $args] != 3} {fail "set_property takes a name, a value and an object"}
        check_property [lindex $args 2] {*}[lrange $args 0 1]
    }
}
proc get_property {name object} {
    lassign [split $object :] kind which
    switch $kind/$name {
        project/PART {return [has part]}
        store/LOCAL_ROOT_DIR {return /board_store}
        run/PROGRESS {return [expr {[dict exists [has runs] $which] ? "100%" : "0%"}]}
        run/STATUS {return [expr {[dict exists [has runs] $which] ? "complete" : "$which ERROR"}]}
        run/DIRECTORY {return build/project/system.runs/$which}
        bd_cell/CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ {
            set wanted [setting $which PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ]
            return [expr {1499.9985 / round(1499.9985 / $wanted)}]
        }
    }
    fail "$object has no property $name"
}

proc current_design {} { return design:current }
proc get_ports {name} {
    if {$name ni $::ports} {fail "no port $name"}
    return port:$name
}
proc create_clock {args} {
    lassign [arguments create_clock $args {} {-name -period} 1 1] options rest
    of_kind port $rest
    if {![string is double -strict [dict get $options -period]]} {fail "-period takes a number of ns"}
}
# A constraints file, for a design whose top has $ports.
proc check_constraints {name ports} {
    needs_file $name
    set ::ports $ports
    source $name
    dict lappend ::state constraints $name
}

proc read_verilog {files} { foreach name $files {needs_file $name; dict lappend ::state files $name} }
proc read_xdc {args} {
    lassign [arguments read_xdc $args {} {-mode} 1 1] options rest
    if {$options ne "-mode out_of_context"} {fail "read_xdc $options"}
    check_constraints [lindex $rest 0] [lmap port [dict get $::modules $::top ports] {lindex $port 0}]
}
proc synth_design {args} {
    set options [lindex [arguments synth_design $args {} {-top -part -mode -directive} 0 0] 0]
    if {![dict exists $::modules [dict get $options -top]]} {fail "no module [dict get $options -top]"}
    foreach file [dict get $::modules [dict get $options -top] files] {
        if {$file ni [has files]} {fail "$file has not been read"}
    }
    if {[dict get $options -part] ni [dict values $::env(STAND_INS_BOARDS)]} {fail "no part [dict get $options -part]"}
    if {[dict get $options -directive] ni {Default PerformanceOptimized AreaOptimized_high}} {fail "no such directive"}
    if {[has constraints] eq ""} {fail "no constraints have been read"}
    put placed synthesized
}
proc step {arguments from to} {
    set directive [dict get [lindex [arguments step $arguments {} {-directive} 0 0] 0] -directive]
    if {$directive ni {Default Explore}} {fail "no directive $directive"}
    if {[has placed] ni $from} {fail "the design is [has placed]"}
    put placed $to
}
proc opt_design {args} { step $args synthesized optimized }
proc place_design {args} { step $args optimized placed }
proc route_design {args} { step $args placed routed; put opened 1 }
proc phys_opt_design {args} { step $args {placed routed} [has placed] }
