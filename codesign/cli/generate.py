"""``codesign generate``: a network's accelerator and program as files."""

import argparse
import sys
from typing import TYPE_CHECKING

from .arguments import (
    add_accelerator,
    add_command,
    add_json,
    add_model,
    new_path,
    read_accelerator,
    read_model,
)
from .output import print_json, print_table

if TYPE_CHECKING:
    from codesign.sim.depth import LogicPath

    from ..accelerator import AcceleratorConfig
    from ..board import Board
    from ..resources import Component, Resources

__all__ = ["add"]

PATHS_SHOWN, PATHS_KEPT = 8, 100  # on the screen; in the manifest


def add(commands) -> None:
    parser = add_command(commands, "generate", run, "Write a network's accelerator and program as files",
                         "They are Verilog, memory image, listing, C headers and a manifest, in a new directory.")
    add_model(parser)
    add_accelerator(parser, fitted=True)
    parser.add_argument("--out", required=True, metavar="DIR", help="the directory to make")
    parser.add_argument("--report", action="store_true", help="synthesize the accelerator (minutes, once) and "
                        "report the cells it needs and its longest paths; without a board, of UltraScale+")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    config, board = read_accelerator(args, fitted=True)
    network, integer = read_model(args, config)
    from ..bundle import write_bundle
    from ..compiler import compile_network

    program = compile_network(integer, config)

    from codesign.sim.build import accelerator_verilog, rtl_digest
    from codesign.sim.toolchain import generator_versions

    synthesis, paths = _synthesize(config, board) if args.report else (None, [])
    manifest = write_bundle(out, network, integer, program, accelerator_verilog(config), rtl_digest(config),
                            {"board": board.to_dict() if board else None, "tools": generator_versions(),
                             "model": integer.info, "resources": synthesis.to_dict() if synthesis else None,
                             "paths": [path.to_dict() for path in paths[:PATHS_KEPT]] if synthesis else None})
    if args.json:
        print_json(manifest)
        return
    print_table(("file", "bytes", "SHA-256"),
                ((name, f["bytes"], f["sha256"]) for name, f in manifest["files"].items()))
    print(f"\n{network.name} on {config.name}: {manifest['predicted']['cycles']:,} cycles an image (cost model); "
          f"{manifest['memory']['size_bytes']:,} bytes of memory\n{out / 'manifest.json'}")
    if synthesis:
        _print_paths(paths, synthesis.family, board.clock_hz if board else config.clock_hz,
                     board.part if board else None)
        _print_resources(synthesis, config, board)


def _synthesize(config: "AcceleratorConfig", board: "Board | None") -> "tuple[Resources, list[LogicPath]]":
    from codesign.sim.synthesis import logic_depth, synthesize

    family = board.family if board else "xcup"
    print(f"synthesizing {config.name} for {family}: minutes for a large array, once", file=sys.stderr)
    paths = logic_depth(config, family)  # first: the cells come with it
    return synthesize(config, family), paths


def _print_paths(paths: "list[LogicPath]", family: str, clock_hz: float, part: str | None) -> None:
    from codesign.sim.depth import CEILINGS, LEVEL_S, allowed_levels, speed_grade

    print("\nlongest paths, by class, in levels of LUTs and carry chains as Yosys maps them:")
    print_table(("levels", "from", "to"), ((path.levels, path.start, path.end) for path in paths[:PATHS_SHOWN]))
    if family in CEILINGS:
        grade = speed_grade(part)
        allowed = allowed_levels(clock_hz, grade)
        deeper = sum(path.levels > allowed for path in paths)
        print(f"{clock_hz / 1e6:g} MHz leave time for {allowed} levels of {LEVEL_S[grade] * 1e9:g} ns, as AMD's rule "
              f"(report_failfast) plans for a LUT and its net at speed grade -{grade}; {deeper or 'no'} classes have "
              f"more. {CEILINGS[family]}. Unverified until Vivado has met it")


def _print_resources(synthesis: "Resources", config: "AcceleratorConfig", board: "Board | None") -> None:
    from codesign.sim.synthesis import LABEL

    from ..resources import estimate_resources, excess

    print(f"\n{config.name}, {synthesis.family}: {LABEL}")
    def needs(of: "Component | Resources") -> tuple[int, int, int, float]:
        return of.lut, of.ff, of.dsp, of.bram18 / per_block

    per_block, block = (2, "BRAM36") if synthesis.family == "xcup" else (1, "BRAM18")
    rows = [*((c.name, *needs(c)) for c in synthesis.components), ("total", *needs(synthesis)),
            ("estimate without synthesis", *needs(estimate_resources(config, synthesis.family)))]
    if board:
        rows.append((f"{board.name} has", board.luts, board.ffs, board.dsps, board.bram18 / per_block))
    print_table(("module", "LUT", "FF", "DSP", block), rows)
    if board:
        names = ("LUTs", "FFs", "DSPs", f"{block}s")
        print("\n" + ", ".join(f"{100 * needed / has:.1f} % of its {name}" for needed, has, name in
                               zip(needs(synthesis), rows[-1][1:], names, strict=True) if has))
        too_much = excess(synthesis, board)
        print(f"fits {board.name}" if not too_much else f"does not fit {board.name}: {too_much[0]}")
