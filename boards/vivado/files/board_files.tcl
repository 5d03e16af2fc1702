# Installs the board's files from AMD's board store, over the network: vivado -mode batch -source board_files.tcl
cd [file dirname [file normalize [info script]]]
source settings.tcl
xhub::refresh_catalog [xhub::get_xstores xilinx_board_store]
set items [xhub::get_xitems -quiet *:[lindex $board_parts 0]:*]
if {[llength $items] == 0} {
    give_up "AMD's board store must have [lindex $board_parts 0], and has not: set BOARD_FILES to a folder with its files"
}
xhub::install [lindex [lsort -dictionary $items] end]
