"""``codesign analyze``: what a network costs on paper."""

import argparse

from .arguments import add_command, add_json, add_network, read_network
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "analyze", run, "Count a network's weights, MACs, activations and bytes, by layer")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from ..analysis import analyze

    network = read_network(args)
    analysis = analyze(network.graph())
    if args.json:
        print_json({"network": network.name, "digest": network.digest(), "input": list(network.input),
                    **analysis.to_dict()})
        return
    print(f"{network.name}: input {'x'.join(map(str, network.input))}, {len(analysis.layers)} layers with weights\n")
    rows = [(x.name, "x".join(map(str, x.in_shape)), "x".join(map(str, x.out_shape)), x.weights, x.macs, x.activations,
             x.weight_bytes, x.activation_bytes, float(x.intensity)) for x in analysis.layers]
    rows.append(("total", "", "", analysis.weights, analysis.macs, analysis.activations, analysis.weight_bytes,
                 analysis.activation_bytes, float(analysis.intensity)))
    print_table(("layer", "in", "out", "weights", "MACs", "activations", "weight bytes", "activation bytes",
                 "MACs/byte"), rows)
    print("\nMACs are multiply-accumulates of one image. Activations are the elements a layer makes; their bytes those "
          "it reads and makes,\npacked. Biases and batch norm do not count.")
