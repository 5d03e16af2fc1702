"""``codesign generate``: a network's accelerator and program as files."""

import argparse

from .arguments import add_accelerator, add_command, add_json, add_model, new_path, read_accelerator, read_model
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "generate", run, "Write a network's accelerator and program as files",
                         "They are Verilog, memory image, listing, C headers and a manifest, in a new directory.")
    add_model(parser)
    add_accelerator(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="the directory to make")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    config, board = read_accelerator(args)
    network, integer = read_model(args, config)
    from ..bundle import write_bundle
    from ..compiler import compile_network

    program = compile_network(integer, config)

    from codesign.sim.build import accelerator_verilog
    from codesign.sim.toolchain import generator_versions

    manifest = write_bundle(out, network, integer, program, accelerator_verilog(config),
                            {"board": board.to_dict() if board else None, "tools": generator_versions(),
                             "model": integer.info})
    if args.json:
        print_json(manifest)
        return
    print_table(("file", "bytes", "SHA-256"),
                ((name, f["bytes"], f["sha256"]) for name, f in manifest["files"].items()))
    print(f"\n{network.name} on {config.name}: {manifest['predicted']['cycles']:,} cycles an image (cost model); "
          f"{manifest['memory']['size_bytes']:,} bytes of memory\n{out / 'manifest.json'}")
