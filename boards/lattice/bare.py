"""A bare accelerator, placed and routed: how fast it is without the system around it.

    python -m codesign.boards.lattice.bare ACCELERATOR [--board B] [--clock-mhz F] [--seed N]

Its ports, which are too many for pins, are registered and lie along two shift registers. Prints the clock reached, the
cells used and the worst path, by nextpnr's analysis; ends with 1 if the clock is not reached. Nothing is packed.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping

from tqdm import tqdm

from codesign.accelerator import AcceleratorConfig, load_accelerator
from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.rtl.system.emit import SystemSource
from codesign.sim.build import TOP, accelerator_verilog

from .constraints import constraints
from .flow import place, synthesize
from .report import parse_report
from .settings import LatticeSettings

__all__ = ["bare_source", "main", "wrapper"]

WRAPPER = "bare"
_PORT = re.compile(r"^  (input|output) (?:\[(\d+):0\] )?(\w+) *;", re.MULTILINE)


def wrapper(name: str, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> str:
    """Verilog of a module around module ``name`` with these ports, by width, besides ``clk`` and ``rst``.

    Bits, one for the reset among them, are shifted in by pin ``serial_rx`` and taken by registers before the inputs;
    registers behind the outputs are shifted out by ``serial_tx``, and now and then taken anew. So every path of the
    module is from register to register, and none of its logic is superfluous.
    """
    connections, low = [], {"i": 0, "o": 0}
    for side, ports in (("i", inputs), ("o", outputs)):
        for port, bits in ports.items():
            connections.append(f".{port}({side}[{low[side]} +: {bits}])")
            low[side] += bits
    return f"""
module {WRAPPER}(input clock, input serial_rx, output reg serial_tx);
    reg [{low["i"] - 1}:0] shifted_in, i;
    wire [{low["o"] - 1}:0] o;
    reg [{low["o"] - 1}:0] taken, shifted_out;
    reg reset;
    reg [7:0] count;
    always @(posedge clock) begin
        {{reset, shifted_in}} <= {{shifted_in, serial_rx}};
        i <= shifted_in;
        taken <= o;
        count <= reset ? 0 : count + 1;
        shifted_out <= count == 0 ? taken : shifted_out >> 1;
        serial_tx <= shifted_out[0];
    end
    {name} part(.clk(clock), .rst(reset), {", ".join(connections)});
endmodule
"""


def bare_source(config: AcceleratorConfig) -> SystemSource:
    """``config``'s accelerator within its wrapper."""
    verilog = accelerator_verilog(config, "ecp5")
    body = verilog[verilog.index(f"module {TOP}("):].partition("endmodule")[0]
    ports: dict[str, dict[str, int]] = {"input": {}, "output": {}}
    for direction, high, port in _PORT.findall(body):
        if port not in ("clk", "rst"):
            ports[direction][port] = int(high or 0) + 1
    files = {"accelerator.v": verilog, "bare.v": wrapper(TOP, ports["input"], ports["output"])}
    return SystemSource(files=files, system=TOP, top=WRAPPER,
                        ports=dict.fromkeys(("clock", "serial_rx", "serial_tx"), 1))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m codesign.boards.lattice.bare", description=__doc__.splitlines()[0])
    parser.add_argument("accelerator", help="a preset or a .yaml file")
    parser.add_argument("--board", default="ulx3s", help="whose part it is placed in")
    parser.add_argument("--clock-mhz", type=float, help="asked for; by default the accelerator's own")
    parser.add_argument("--seed", type=int, default=1, help="of the placement")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(words)
    try:
        config, board = load_accelerator(args.accelerator), load_board(args.board)
        settings, source = LatticeSettings.of(board), bare_source(config)
        clock_hz = round(args.clock_mhz * 1e6) if args.clock_mhz else config.clock_hz
        lines = constraints(source.ports, settings, clock_hz)
        with tqdm(desc="place and route", unit=" s", file=sys.stderr, disable=None) as bar:
            def tick(step: str) -> None:
                bar.set_description(step)
                bar.update()

            placed = place(synthesize(source, tick), lines, settings, clock_hz, args.seed, tick)
    except CodesignError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    placement = parse_report(json.loads((placed / "report.json").read_text()))
    if args.json:
        print(json.dumps({"accelerator": config.to_dict(), "seed": args.seed, **placement.to_dict()}, indent=2))
        return int(not placement.is_met)
    worst = placement.worst
    print(f"{config.name}, {config.rows}x{config.cols}, alone: {worst.achieved_hz / 1e6:.2f} MHz reached, "
          f"{worst.asked_hz / 1e6:.2f} MHz asked (nextpnr's analysis, seed {args.seed})")
    print(", ".join(f"{used:,} of {there:,} {kind}" for kind, (used, there) in placement.cells.items()))
    if placement.path:
        for ns, name in placement.path.steps():
            print(f"{ns:8.2f} ns  {name}")
    return int(not placement.is_met)


if __name__ == "__main__":
    sys.exit(main())
