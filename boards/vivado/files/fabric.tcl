# Places and routes the accelerator alone, without processing system and board files: does it fit, and is the clock met?
#   vivado -mode batch -source fabric.tcl
cd [file dirname [file normalize [info script]]]
source settings.tcl
read_verilog $sources
read_xdc -mode out_of_context fabric.xdc
synth_design -top $top -part $part -mode out_of_context -directive PerformanceOptimized
opt_design -directive Explore
place_design -directive Explore
phys_opt_design -directive Explore
route_design -directive Explore
phys_opt_design -directive Explore
set reports fabric_reports
source reports.tcl
