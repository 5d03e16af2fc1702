"""A small design with a register file, a multiplier and a PLL: what a flow must be able to do, in seconds."""

from codesign.rtl.system.emit import SystemSource

VERILOG = """
module blink(input clock, input serial_rx, output serial_tx, output [7:0] led, input button);
  wire clk;
  (* FREQUENCY_PIN_CLKI="25", FREQUENCY_PIN_CLKOP="75" *)
  EHXPLLL #(.CLKI_DIV(1), .CLKFB_DIV(3), .CLKOP_DIV(8), .CLKOP_ENABLE("ENABLED"), .CLKOP_CPHASE(7),
            .FEEDBK_PATH("CLKOP")) pll(.CLKI(clock), .CLKFB(clk), .CLKOP(clk), .RST(1'b0), .STDBY(1'b0),
            .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b0), .PHASESTEP(1'b0), .PHASELOADREG(1'b0),
            .PLLWAKESYNC(1'b0), .ENCLKOP(1'b1));
  reg [31:0] count = 0;
  reg [3:0] received = 0;
  reg [17:0] left = 0, right = 0;
  reg [35:0] product = 0;
  (* no_rw_check *) reg [7:0] memory [0:2047];
  reg [7:0] read, read_again = 0;
  always @(posedge clk) begin
    count <= count + 1 + button;
    received <= {received, serial_rx};
    left <= {left, received[3]};
    right <= {right, left[17]};
    product <= left * right;
    if (received[2]) memory[count[10:0]] <= product[20:13];
    read <= memory[product[10:0]];
    read_again <= read;
  end
  assign serial_tx = ^read_again ^ ^product;
  assign led = count[31:24];
endmodule
"""
PORTS = {"clock": 1, "serial_rx": 1, "serial_tx": 1, "led": 8, "button": 1}
BLINK = SystemSource(files={"blink.v": VERILOG}, system="blink", top="blink", ports=PORTS)
