"""The mapper itself, on random memories: what the model says it chooses is what it chooses."""

import json
import random
import subprocess

import pytest

from codesign.memories import Memory, map_memory
from codesign.sim.yowasp import yowasp_command

MAPPING = {"ecp5": "synth_ecp5 -noflatten -top top -run begin:map_ffram",
           "xcup": "synth_xilinx -family xcup -top top -noiopad -noclkbuf -run begin:map_ffram"}
BLOCKS = {"DP16KD": 1, "RAMB18E2": 1, "RAMB36E2": 2}
LUTS = {"TRELLIS_DPR16X4": 6, "RAM32M16": 8, "RAM64M8": 8}


def verilog(name: str, memory: Memory) -> str:
    top = (memory.words - 1).bit_length() - 1
    forward = "if (write && write_at == read_at) q <= d;" if memory.transparent else ""
    return f"""
module {name}(input clk, write, input [{top}:0] write_at, read_at, input [{memory.bits - 1}:0] d,
              output reg [{memory.bits - 1}:0] q);
  reg [{memory.bits - 1}:0] held [0:{memory.words - 1}];
  always @(posedge clk) if (write) held[write_at] <= d;
  always @(posedge clk) begin q <= held[read_at]; {forward} end
endmodule
"""


def drawn(count: int, seed: int) -> list[Memory]:
    rng, made = random.Random(seed), []
    while len(made) < count:
        bits = rng.choice([1, 2, 4, 4, 8, 9, 64, 66, 132, 192, 264, rng.randint(16, 32), rng.randint(16, 32)])
        memory = Memory(words=1 << rng.randint(1, 15), bits=bits, transparent=rng.random() < 0.5)
        if memory.words * memory.bits < 1 << 20:
            made.append(memory)
    return made


@pytest.mark.parametrize(("family", "seed"), [("ecp5", 11), pytest.param("xcup", 12, marks=pytest.mark.synth)])
def test_memories_are_mapped_as_the_model_says(family, seed, tmp_path):
    memories = drawn(60, seed)
    placed = "".join(f"  (* keep *) m{i} i{i}(.clk(clk));\n" for i in range(len(memories)))
    (tmp_path / "memories.v").write_text("".join(verilog(f"m{i}", m) for i, m in enumerate(memories))
                                         + f"module top(input clk);\n{placed}endmodule\n")
    (tmp_path / "script.ys").write_text("read_verilog memories.v\nsetattr -mod -set keep_hierarchy 1 *\n"
                                        f"{MAPPING[family]}\ntee -q -o stat.json stat -json\n")
    subprocess.run([*yowasp_command("yosys"), "-q", "script.ys"], cwd=tmp_path, check=True, capture_output=True)
    modules = json.loads((tmp_path / "stat.json").read_text())["modules"]
    for i, memory in enumerate(memories):
        cells, mapping = modules[f"\\m{i}"]["num_cells_by_type"], map_memory(family, memory)
        assert mapping.bram18 == sum(n * cells.get(cell, 0) for cell, n in BLOCKS.items()), memory
        assert mapping.lut == sum(n * cells.get(cell, 0) for cell, n in LUTS.items()), memory
        assert bool(mapping.ff) == any(cell.startswith("$mem") for cell in cells), memory
