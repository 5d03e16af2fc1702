// The ECP5's cells that Yosys has no model of, in the modes that Yosys 0.70 and codesign.boards.lattice use: another
// mode is an error, another pin or parameter one that is missing. No delays; no board has confirmed them.

// Block RAM: 2,048 times nine bits, by two ports of one clock that are 1, 2, 4, 9, 18 or (writes by A, reads by B) 36
// bits wide; pins as Yosys maps memories to them (techlibs/lattice/brams_map_16kd.v). Of the output register, OCE is
// the only enable: so it is in Lattice's own model of the ECP3's block RAM, DP16KC, which has the same pins. What is
// read or written while the other port writes to the same place is undefined: here, the opposite of what one hopes for.
module DP16KD(
    input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0, CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
    input DIA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
    input DIB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
    output DOA0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
    output DOB0);

    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "AUTO";
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
        INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0,
        INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
        INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0,
        INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0,
        INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0,
        INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
        INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0,
        INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0,
        INITVAL_3E = 0, INITVAL_3F = 0;
    localparam [64 * 320 - 1:0] INITIAL = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38, INITVAL_37,
        INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E,
        INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25,
        INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C,
        INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13,
        INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A,
        INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
        INITVAL_00};

    // The lowest bit of an address that says where, by the port's width.
    function integer lowest(input integer width);
        lowest = width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : width == 9 ? 3 : width == 18 ? 4 : 5;
    endfunction
    localparam LOW_A = lowest(DATA_WIDTH_A), LOW_B = lowest(DATA_WIDTH_B), LOW = LOW_A > LOW_B ? LOW_A : LOW_B;

    generate  // modules that there are not: Verilator is told to take $error for a warning
        if (!(DATA_WIDTH_A inside {1, 2, 4, 9, 18, 36}) || !(DATA_WIDTH_B inside {1, 2, 4, 9, 18, 36}))
            no_such_width refused();
        if (!(REGMODE_A == "NOREG" || REGMODE_A == "OUTREG") || !(REGMODE_B == "NOREG" || REGMODE_B == "OUTREG"))
            no_such_output_register refused();
        if ((DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36) && (REGMODE_A != "NOREG" || REGMODE_B != "NOREG"))
            no_output_register_of_36_bits refused();
        if (!(WRITEMODE_A == "NORMAL" || WRITEMODE_A == "READBEFOREWRITE")
            || !(WRITEMODE_B == "NORMAL" || WRITEMODE_B == "READBEFOREWRITE")) no_such_write_mode refused();
        if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") no_such_clock refused();
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") no_such_chip_select refused();
    endgenerate

    reg [8:0] nine [0:2047];
    integer i;
    initial for (i = 0; i < 2048; i = i + 1) nine[i] = INITIAL[20 * (i / 2) + 9 * (i % 2) +: 9];

    wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [35:0] dib = {18'b0, DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
                       DIB4, DIB3, DIB2, DIB1, DIB0};
    wire [35:0] dia = {dib[17:0], DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6,
                       DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    always @(posedge CLKA or posedge CLKB)
        if (RSTA | RSTB | CSA2 | CSA1 | CSA0 | CSB2 | CSB1 | CSB0) $fatal(1, "DP16KD reset or not selected");

    // Which of the four nines from `first` on are written, and where that is.
    function [3:0] strobes(input integer width, input [13:0] address);
        strobes = width == 36 ? address[3:0] : width == 18 ? {2'b0, address[1:0]} : 4'b1;
    endfunction
    function [10:0] first(input integer width, input [13:0] address);
        first = width == 36 ? {address[13:5], 2'b0} : width == 18 ? {address[13:4], 1'b0} : address[13:3];
    endfunction
    // What a nine is after a port of `width` has written `data` to it.
    function [8:0] written(input integer width, input [13:0] address, input [8:0] old, input [8:0] data);
        begin
            written = width >= 9 ? data : old;
            if (width == 4) written[address[2] * 4 +: 4] = data[3:0];
            if (width == 2) written[address[2:1] * 2 +: 2] = data[1:0];
            if (width == 1) written[address[2:0]] = data[0];
        end
    endfunction
    function [35:0] read(input integer width, input [13:0] address, input [35:0] nines);
        read = width >= 9 ? nines : width == 4 ? {32'b0, nines[address[2] * 4 +: 4]}
             : width == 2 ? {34'b0, nines[address[2:1] * 2 +: 2]} : {35'b0, nines[address[2:0]]};
    endfunction

    wire [3:0] write_a = CEA && WEA ? strobes(DATA_WIDTH_A, ada) : 4'b0;
    wire [3:0] write_b = CEB && WEB ? strobes(DATA_WIDTH_B, adb) : 4'b0;
    wire [10:0] at_a = first(DATA_WIDTH_A, ada), at_b = first(DATA_WIDTH_B, adb);
    wire same = ada[13:LOW] == adb[13:LOW];
    wire [35:0] there_a = read(DATA_WIDTH_A, ada,
                               {nine[at_a + 11'd3], nine[at_a + 11'd2], nine[at_a + 11'd1], nine[at_a]});
    wire [35:0] there_b = read(DATA_WIDTH_B, adb,
                               {nine[at_b + 11'd3], nine[at_b + 11'd2], nine[at_b + 11'd1], nine[at_b]});
    reg [17:0] array_a = 0, register_a = 0;
    reg [35:0] array_b = 0;
    reg [17:0] register_b = 0;
    integer a, b;

    always @(posedge CLKA) begin
        for (a = 0; a < 4; a = a + 1)
            if (write_a[a])
                nine[at_a + a[10:0]] <= written(DATA_WIDTH_A, ada, nine[at_a + a[10:0]], dia[9 * a +: 9])
                                        ^ {9{same && write_b != 0}};
        if (CEA && (!WEA || WRITEMODE_A == "READBEFOREWRITE")) array_a <= there_a[17:0] ^ {18{same && write_b != 0}};
        if (OCEA) register_a <= array_a;
    end

    always @(posedge CLKB) begin
        for (b = 0; b < 4; b = b + 1)
            if (write_b[b])
                nine[at_b + b[10:0]] <= written(DATA_WIDTH_B, adb, nine[at_b + b[10:0]], dib[9 * b +: 9])
                                        ^ {9{same && write_a != 0}};
        if (CEB && (!WEB || WRITEMODE_B == "READBEFOREWRITE")) array_b <= there_b ^ {36{same && write_a != 0}};
        if (OCEB) register_b <= array_b[17:0];
    end

    wire [17:0] out_a = DATA_WIDTH_B == 36 ? array_b[17:0] : REGMODE_A == "OUTREG" ? register_a : array_a;
    wire [17:0] out_b = DATA_WIDTH_B == 36 ? array_b[35:18] : REGMODE_B == "OUTREG" ? register_b : array_b[17:0];
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
            DOA1, DOA0} = out_a;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
            DOB1, DOB0} = out_b;
endmodule

// Multiplier without registers.
module MULT18X18D(
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0, SIGNEDA, SOURCEA,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0, SIGNEDB, SOURCEB,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    output P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0);
    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    wire signed [35:0] wide_a = {{18{SIGNEDA & A17}}, a}, wide_b = {{18{SIGNEDB & B17}}, b};
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
            P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = wide_a * wide_b;
endmodule

// PLL, whose reference is taken for as fast as the clock made of it: simulated time is in cycles of that clock.
module EHXPLLL(
    input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC,
    input ENCLKOP, ENCLKOS, ENCLKOS2, ENCLKOS3, output CLKOP, CLKOS, LOCK);
    parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOS_DIV = 1, CLKOP_CPHASE = 0, CLKOS_CPHASE = CLKOS_DIV - 1;
    parameter FEEDBK_PATH = "CLKOP", CLKOP_ENABLE = "ENABLED", CLKOS_ENABLE = "DISABLED";
    generate
        if (FEEDBK_PATH != "CLKOP" || CLKOP_ENABLE != "ENABLED" || CLKOP_CPHASE != CLKOP_DIV - 1
            || CLKOS_CPHASE != CLKOS_DIV - 1) no_such_feedback_or_phase refused();
    endgenerate
    reg [2:0] edges = 0;
    always @(posedge CLKI) edges <= edges + !LOCK;
    assign LOCK = &edges;
    assign CLKOP = CLKI, CLKOS = CLKOS_ENABLE == "ENABLED" ? CLKI : 1'b0;
endmodule

// A net of the clocks' own network.
module DCCA(input CLKI, CE, output CLKO);
    assign CLKO = CLKI & CE;
endmodule
