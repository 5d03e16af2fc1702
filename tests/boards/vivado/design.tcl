# Stand-ins for the commands of block designs: see vivado.tcl.

proc needs_design {} { if {[has design] eq ""} {fail "no block design is open"} }
proc create_bd_design {name} {
    needs_project
    put design $name
    dict lappend ::state files $name.bd
}
proc create_bd_cell {args} {
    needs_design
    lassign [arguments create_bd_cell $args {} {-type -vlnv -reference} 1 1] options rest
    set name [lindex $rest 0]
    if {[dict exists [has cells] $name]} {fail "there is a cell $name"}
    switch [dict get $options -type] {
        ip {
            if {![regexp {^xilinx\.com:ip:(\w+)$} [dict get $options -vlnv] -> ip]} {fail "no IP [dict get $options -vlnv]"}
            if {![dict exists $::catalog settings $ip]} {fail "no IP $ip"}
        }
        module {
            set ip [dict get $options -reference]
            if {![dict exists $::modules $ip]} {fail "no module $ip"}
            foreach file [dict get $::modules $ip files] {
                if {$file ni [has files]} {fail "$file of module $ip is not in the project"}
            }
        }
        default {fail "create_bd_cell -type [dict get $options -type]"}
    }
    dict set ::state cells $name [dict create ip $ip settings {}]
    return bd_cell:$name
}
proc apply_bd_automation {args} {
    lassign [arguments apply_bd_automation $args {} {-rule -config} 1 1] options rest
    if {[dict get $options -rule] ne "xilinx.com:bd_rule:zynq_ultra_ps_e"} {fail "no rule [dict get $options -rule]"}
    if {[dict get [dict get $options -config] apply_board_preset] ne "1" || [has board] eq ""} {fail "no preset is applied"}
    dict set ::state cells [of_kind bd_cell $rest] preset 1
}
proc setting {cell name} {
    set values [dict get [has cells] $cell settings]
    return [expr {[dict exists $values $name] ? [dict get $values $name] : 0}]
}
proc set_cell {cell name value} {
    if {![regexp {^CONFIG\.(\w+)$} $name -> key]} {fail "cell $cell has no property $name"}
    set ip [dict get [has cells] $cell ip]
    if {![dict exists $::catalog settings $ip $key]} {fail "$ip has no setting $key"}
    if {![regexp "^([dict get $::catalog settings $ip $key])\$" $value]} {fail "$ip: $key cannot be $value"}
    if {$ip eq "zynq_ultra_ps_e" && ![dict exists [has cells] $cell preset]} {fail "the preset would undo $key"}
    dict set ::state cells $cell settings $key $value
}
# Pins and interfaces that a cell has as it is set now, as the catalogue or the module gives them.
proc pins_of {cell} {
    set ip [dict get [has cells] $cell ip]
    if {[dict exists $::modules $ip]} {return [dict get $::modules $ip pins]}
    return [lmap pin [dict get $::catalog pins $ip] {
        set needed [lindex $pin 3]
        if {$needed ne "-" && [setting $cell $needed] ne "1"} continue
        lrange $pin 0 2
    }]
}
proc interfaces_of {cell} {
    set ip [dict get [has cells] $cell ip]
    if {[dict exists $::modules $ip]} {return [dict get $::modules $ip interfaces]}
    return [lmap interface [dict get $::catalog interfaces $ip] {
        lassign $interface name mode protocol width needed
        if {$needed ne "-" && [setting $cell $needed] ne "1"} continue
        list $name $mode $protocol [expr {[string match PSU* $width] ? [setting $cell $width] : $width}]
    }]
}
proc find {command kind names arguments} {
    lassign [arguments $command $arguments {-quiet} {} 1 1] options rest
    needs_design
    if {[lindex $rest 0] in $names} {return $kind:[lindex $rest 0]}
    if {![dict exists $options -quiet]} {fail "$command: no [lindex $rest 0]"}
    return {}
}
proc within {cells what} {
    set names {}
    foreach cell $cells {foreach one [$what $cell] {lappend names $cell/[lindex $one 0]}}
    return $names
}
proc segments_of {cell} {
    set ip [dict get [has cells] $cell ip]
    if {![dict exists $::modules $ip]} {return [expr {[dict exists $::catalog segments $ip] ? [dict get $::catalog segments $ip] : ""}]}
    return [lmap one [interfaces_of $cell] {
        if {[lindex $one 1] ne "slave"} continue
        list [lindex $one 0]/reg0 0x0 [expr {1 << [lindex $one 4]}]
    }]
}
proc spaces_of {cell} {
    set ip [dict get [has cells] $cell ip]
    if {![dict exists $::modules $ip]} {return [expr {[dict exists $::catalog spaces $ip] ? [dict get $::catalog spaces $ip] : ""}]}
    return [lmap one [interfaces_of $cell] {if {[lindex $one 1] ne "master"} continue; lindex $one 0}]
}
proc all_cells {} { dict keys [has cells] }
proc get_bd_cells {args} { find get_bd_cells bd_cell [all_cells] $args }
proc get_bd_pins {args} { find get_bd_pins bd_pin [within [all_cells] pins_of] $args }
proc get_bd_intf_pins {args} { find get_bd_intf_pins bd_intf_pin [within [all_cells] interfaces_of] $args }
proc get_bd_addr_spaces {args} { find get_bd_addr_spaces bd_addr_space [within [all_cells] spaces_of] $args }
proc get_bd_addr_segs {args} { find get_bd_addr_segs bd_addr_seg [within [all_cells] segments_of] $args }

proc described {name what} {
    lassign [split $name /] cell
    foreach one [$what $cell] {if {"$cell/[lindex $one 0]" eq $name} {return [lrange $one 1 end]}}
}
proc connect_bd_net {from to} {
    lassign [list [of_kind bd_pin $from] [of_kind bd_pin $to]] from to
    lassign [described $from pins_of] from_way from_is
    lassign [described $to pins_of] to_way to_is
    if {$from_way ne "out" || $to_way ne "in"} {fail "a net goes from an output to inputs, not from $from to $to"}
    if {$from_is ne $to_is} {fail "$from is $from_is, $to is $to_is"}
    if {[dict exists [has nets] $to]} {fail "$to has a driver"}
    dict set ::state nets $to $from
}
proc connect_bd_intf_net {from to} {
    lassign [list [of_kind bd_intf_pin $from] [of_kind bd_intf_pin $to]] from to
    lassign [described $from interfaces_of] from_mode from_protocol from_width
    lassign [described $to interfaces_of] to_mode to_protocol to_width
    if {$from_mode ne "master" || $to_mode ne "slave"} {fail "interfaces go from master to slave, not from $from to $to"}
    foreach side [list $from $to] {if {[dict exists [has links] $side]} {fail "$side is connected"}}
    dict set ::state links $from $to
    dict set ::state links $to $from
}
# The interface at the other end of $name, through register slices, which change nothing.
proc far_end {name} {
    set there [dict get [has links] $name]
    lassign [split $there /] cell
    if {[dict get [has cells] $cell ip] ne "axi_register_slice"} {return $there}
    return [far_end $cell/[expr {[string match */S_AXI $there] ? "M_AXI" : "S_AXI"}]]
}
proc assign_bd_address {args} {
    lassign [arguments assign_bd_address $args {-force} {-offset -range -target_address_space} 1 1] options rest
    set space [of_kind bd_addr_space [dict get $options -target_address_space]]
    set segment [of_kind bd_addr_seg [lindex $rest 0]]
    lassign [split $segment /] cell
    foreach one [segments_of $cell] {
        lassign $one name base bytes
        if {"$cell/$name" eq $segment && [dict get $options -range] != $bytes} {
            fail "$segment has $bytes bytes, not [dict get $options -range]"
        }
    }
    if {$space eq "ps/Data" && ([dict get $options -offset] < [lindex $::HPM0_WINDOW 0]
            || [dict get $options -offset] + [dict get $options -range] - 1 > [lindex $::HPM0_WINDOW 1])} {
        fail "M_AXI_HPM0_FPD does not reach [dict get $options -offset]"
    }
    dict set ::state mapped $space [list $segment [dict get $options -offset] [dict get $options -range]]
}
# Every input has a driver and every interface another end that fits it; every master can reach something.
proc validate_bd_design {} {
    needs_design
    dict for {cell what} [has cells] {
        foreach pin [pins_of $cell] {
            lassign $pin name way is
            if {$way eq "in" && $is ne "optional" && ![dict exists [has nets] $cell/$name]} {fail "$cell/$name has no driver"}
        }
        foreach interface [interfaces_of $cell] {
            lassign $interface name mode protocol width
            if {![dict exists [has links] $cell/$name]} {fail "$cell/$name is not connected"}
            lassign [described [far_end $cell/$name] interfaces_of] mode_there protocol_there width_there
            if {"same" in [list $protocol $protocol_there] || "any" in [list $protocol $protocol_there]} continue
            if {$protocol ne $protocol_there || $width != $width_there} {
                fail "$cell/$name is $protocol of $width bits, [far_end $cell/$name] is $protocol_there of $width_there"
            }
        }
        foreach space [spaces_of $cell] {
            if {![dict exists [has mapped] $cell/$space]} {fail "$cell/$space reaches nothing"}
            if {$cell eq "ps"} continue
            set segment [lindex [dict get [has mapped] $cell/$space] 0]
            if {![regexp {^ps/SAXIGP\d/(HP\d)_DDR_LOW$} $segment -> port] || [far_end $cell/$space] ne "ps/S_AXI_${port}_FPD"} {
                fail "$cell/$space leads to [far_end $cell/$space], not to $segment"
            }
        }
    }
    put valid 1
}
proc save_bd_design {} { if {![has valid]} {fail "the design is not validated"}; put saved 1 }
