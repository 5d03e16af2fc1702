"""``codesign rebuild``: a candidate of a sweep as files, the same bytes as ever."""

import argparse
from pathlib import Path

from .arguments import add_command, add_json, new_path
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "rebuild", run, "Write the accelerator and program of a sweep's candidate",
                         "As codesign generate writes them. The Verilog must be what the sweep found or measured, the "
                         "weights those that it trained: else it says which versions differ.")
    parser.add_argument("directory", metavar="SWEEP", help="the sweep's directory")
    parser.add_argument("candidate", metavar="CANDIDATE", help="of its report; the beginning of the name will do")
    parser.add_argument("--out", required=True, metavar="DIR", help="the directory to make")
    parser.add_argument("--retrain", action="store_true",
                        help="train it again, as the sweep did, instead of taking the sweep's model")
    parser.add_argument("--dataset", metavar="D", help="where the data set is now, if not as the sweep had it")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    from ..accelerator import AcceleratorConfig
    from ..bundle import write_bundle
    from ..compiler import compile_network
    from ..report import load_results
    from ..search.rebuilding import check_verilog, find_candidate, model_of, retrained

    results = load_results(args.directory)
    candidate = find_candidate(results, args.candidate)
    if args.retrain:
        network, integer = retrained(results, candidate, args.dataset)
    else:
        network, integer = model_of(Path(args.directory), candidate)
    config = AcceleratorConfig.from_dict(candidate["accelerator"])

    from codesign.sim.build import accelerator_verilog, rtl_digest
    from codesign.sim.toolchain import generator_versions

    digest = rtl_digest(config)
    check_verilog(results, candidate, digest)
    manifest = write_bundle(out, network, integer, compile_network(integer, config), accelerator_verilog(config),
                            digest, {"board": results["settings"]["board"], "tools": generator_versions(),
                                     "model": integer.info, "candidate": candidate["id"], "resources": None})
    if args.json:
        print_json(manifest)
        return
    print_table(("file", "bytes", "SHA-256"),
                ((name, f["bytes"], f["sha256"]) for name, f in manifest["files"].items()))
    print(f"\n{candidate['id']}: {network.name} on {config.name}\n{out / 'manifest.json'}")
