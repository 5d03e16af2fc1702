# Of the whole system. pl_clk0's period comes with the processing system; no pin of the fabric is used.
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
