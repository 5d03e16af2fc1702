// The part of UltraScale's DSP48E2 that codesign.rtl.dsp48 uses, as AMD's UltraScale Architecture DSP Slice User Guide
// (UG579) describes it: P = A*B + C through registers A2, B2, C, M and P. For simulators and proofs, which have no use
// for the vendor's model; for synthesis the cell is the vendor's. What it cannot do is refused.

module DSP48E2 #(
    parameter integer AREG = 1, ACASCREG = 1, BREG = 1, BCASCREG = 1, CREG = 1, MREG = 1, PREG = 1,
    parameter integer DREG = 1, ADREG = 1, INMODEREG = 1, OPMODEREG = 1, ALUMODEREG = 1, CARRYINREG = 1,
    parameter integer CARRYINSELREG = 1,
    parameter AMULTSEL = "A", BMULTSEL = "B", PREADDINSEL = "A", A_INPUT = "DIRECT", B_INPUT = "DIRECT",
    parameter USE_MULT = "MULTIPLY", USE_SIMD = "ONE48", USE_PATTERN_DETECT = "NO_PATDET"
) (
    input CLK, input [29:0] A, input [17:0] B, input [47:0] C, output [47:0] P,
    input CEA2, CEB2, CEC, CEM, CEP, RSTA, RSTB, RSTC, RSTM, RSTP,
    input [8:0] OPMODE, input [3:0] ALUMODE, input [4:0] INMODE, input [2:0] CARRYINSEL, input CARRYIN,
    input [26:0] D, input [29:0] ACIN, input [17:0] BCIN, input [47:0] PCIN, input CARRYCASCIN, MULTSIGNIN,
    input CEA1, CEB1, CED, CEAD, CEALUMODE, CECARRYIN, CECTRL, CEINMODE,
    input RSTD, RSTALLCARRYIN, RSTALUMODE, RSTCTRL, RSTINMODE
);
    generate
        if (AREG != 1 || BREG != 1 || CREG != 1 || MREG != 1 || PREG != 1 || INMODEREG != 0 || OPMODEREG != 0
                || ALUMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0) begin : registers
            registers_that_this_model_does_not_have refused ();
        end
        if (AMULTSEL != "A" || BMULTSEL != "B" || A_INPUT != "DIRECT" || B_INPUT != "DIRECT" || USE_MULT != "MULTIPLY"
                || USE_SIMD != "ONE48") begin : data_paths
            data_paths_that_this_model_does_not_have refused ();
        end
    endgenerate

    reg signed [26:0] a = 0;  // of the multiplier's 27 bits; the other three go elsewhere
    reg signed [17:0] b = 0;
    reg [47:0] c = 0;
    reg signed [44:0] m = 0;
    reg [47:0] p = 0;
    wire product_and_c = OPMODE == 9'b000110101 && ALUMODE == 4'b0000 && INMODE == 5'b00000 && CARRYINSEL == 3'b000;

    always @(posedge CLK) begin
        if (RSTA) a <= 0; else if (CEA2) a <= A[26:0];
        if (RSTB) b <= 0; else if (CEB2) b <= B;
        if (RSTC) c <= 0; else if (CEC) c <= C;
        if (RSTM) m <= 0; else if (CEM) m <= a * b;
        if (RSTP) p <= 0; else if (CEP) p <= product_and_c ? c + {{3{m[44]}}, m} + CARRYIN : 48'bx;
    end
    assign P = p;
endmodule
