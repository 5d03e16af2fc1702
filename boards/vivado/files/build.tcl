# Makes build/system.bit and build/system.xsa of the files beside this script, and Vivado's reports on them in reports/:
#   vivado -mode batch -source build.tcl
# Whether the reports are good, check_reports.py says; make does both. JOBS: how many processes Vivado may start.
cd [file dirname [file normalize [info script]]]
source settings.tcl

# write_hw_platform is as new as this
if {[package vcompare [regsub {^([0-9]+\.[0-9]+).*} [version -short] {\1}] 2019.2] < 0} {
    give_up "Vivado must be version 2019.2 or newer, not [version -short]"
}

# The newest of the board files whose name is one of $names, whoever its vendor; empty without any.
proc find_board_part {names} {
    set found {}
    foreach candidate [get_board_parts -quiet] {
        lassign [split $candidate :] vendor name component revision
        if {[lsearch -exact -nocase $names $name] >= 0} {
            lappend found [list $revision $candidate]
        }
    }
    return [lindex [lsort -dictionary -index 0 $found] end 1]
}

# Board files hold what the memory on the board needs: nobody should guess it.
if {[info exists env(BOARD_FILES)]} {
    set_param board.repoPaths [file normalize $env(BOARD_FILES)]
}
set board_part [find_board_part $board_parts]
if {$board_part eq "" && ![info exists env(BOARD_FILES)]} {
    # those of AMD's board store are elsewhere
    catch {set_param board.repoPaths [get_property LOCAL_ROOT_DIR [xhub::get_xstores xilinx_board_store]]}
    set board_part [find_board_part $board_parts]
}
if {$board_part eq ""} {
    give_up "the board files of $board must be installed: run vivado -mode batch -source board_files.tcl once, or set\
BOARD_FILES to a folder with a copy"
}

create_project -force system build/project -part $part
set_property board_part $board_part [current_project]
set actual [get_property PART [current_project]]
# Board files may name another temperature grade: the same silicon, of the same speed.
if {[lrange [split $actual -] 0 2] ne [lrange [split $part -] 0 2]} {
    give_up "$board_part must be for $part, not $actual"
}
add_files -norecurse $sources
add_files -fileset constrs_1 -norecurse constraints.xdc
update_compile_order -fileset sources_1

source system.tcl

set design [get_files system.bd]
# As one netlist, so that the strategy counts for the accelerator, too.
set_property synth_checkpoint_mode None $design
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

set_property strategy Flow_PerfOptimized_high [get_runs synth_1]
set_property strategy Performance_ExplorePostRoutePhysOpt [get_runs impl_1]
launch_runs impl_1 -to_step write_bitstream -jobs [expr {[info exists env(JOBS)] ? $env(JOBS) : 4}]
wait_on_run impl_1
foreach run {synth_1 impl_1} {
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        give_up "$run must complete, not end as \"[get_property STATUS [get_runs $run]]\":\
[get_property DIRECTORY [get_runs $run]]/runme.log says why"
    }
}

open_run impl_1
set reports reports
source reports.tcl
file copy -force [get_property DIRECTORY [get_runs impl_1]]/system_wrapper.bit build/system.bit
write_hw_platform -fixed -include_bit -force -file build/system.xsa
