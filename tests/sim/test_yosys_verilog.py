from codesign.sim.yosys_verilog import for_yosys


def test_names_with_an_index_get_another():
    text = "wire [3:0] \\sum[1] ;\nassign \\sum[1]  = sum[7:4] + \\sum[1] [2] + \\$a$3[0][12] ;\nassign \\b [3] = c[2];"
    changed = "wire [3:0] \\sum.1 ;\nassign \\sum.1  = sum[7:4] + \\sum.1 [2] + \\$a$3.0.12 ;\nassign \\b [3] = c[2];"
    assert for_yosys(text) == changed + "\n"


def test_memories_begin_the_same():
    before = ["module m;", "  reg [7:0] memory [0:3];", "  reg flag;",
              "  initial begin", "    memory[0] = 8'h1f;", "    \\odd.memory [1] = 8'd2;", "  end",
              "  initial begin", "    memory[2] = 8'hx0;", "    flag = 1;", "  end",
              "  initial begin", "    flag = 0;", "  end", "endmodule"]
    after = ["  initial memory[0] = 8'h1f;", "  initial \\odd.memory [1] = 8'd2;",
             "  initial memory[2] = 8'hx0;", "  initial begin", "    flag = 1;", "  end",
             "  initial begin", "    flag = 0;", "  end"]
    assert for_yosys("\n".join(before)).splitlines() == [*before[:3], *after, "endmodule"]
