# What check_reports.py reads (timing, utilization, route) and what people do, of the design that is open, in $reports.
file mkdir $reports
report_timing_summary -delay_type min_max -report_unconstrained -check_timing_verbose -max_paths 10 \
    -file $reports/timing.rpt
report_utilization -file $reports/utilization.rpt
report_utilization -hierarchical -file $reports/hierarchy.rpt
report_route_status -file $reports/route.rpt
report_drc -file $reports/drc.rpt
report_power -file $reports/power.rpt
