"""``codesign estimate``: cycles from the cost model, which equal the simulated accelerator's; resources, estimated."""

import argparse

from .arguments import add_accelerator, add_command, add_json, add_model, read_accelerator, read_network_or_model
from .layers import layer_values, print_layers
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "estimate", run, "Predict cycles by layer, and estimate resources",
                         "A network may be given without weights: they do not change its cycles.")
    add_model(parser)
    add_accelerator(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from ..board import FAMILIES
    from ..compiler import compile_network
    from ..cycles import predict_schedule
    from ..energy import estimate_energy
    from ..resources import estimate_resources
    from ..schedule import schedule

    config, board = read_accelerator(args)
    network, integer = read_network_or_model(args, config)
    plan = compile_network(integer, config).schedule if integer else schedule(network.graph(), config)
    prediction = predict_schedule(plan)
    families = [board.family] if board else FAMILIES
    resources = {family: estimate_resources(config, family).to_dict() for family in families}
    energy = estimate_energy(config, prediction.counters, board).to_dict() if board else None
    images_per_s = config.clock_hz / prediction.cycles
    if args.json:
        print_json({"network": network.name, "accelerator": config.to_dict(), "board": board.name if board else None,
                    "method": "model", "cycles": prediction.cycles, "images_per_s": images_per_s,
                    "layers": layer_values(prediction.layers, plan.visit_bounds),
                    "counters": prediction.counters, "resources": resources, "energy": energy})
        return
    print(f"{network.name} on {config.name} ({config.rows}x{config.cols}), from the cost model\n")
    print_layers(layer_values(prediction.layers, plan.visit_bounds))
    print(f"\n{images_per_s:,.1f} images/s at {config.clock_hz / 1e6:g} MHz")
    if energy:
        print(f"{energy['total_j'] * 1e6:,.2f} uJ an image (estimate)")
    print("\nresources (estimate)")
    print_table(("family", "LUT", "FF", "DSP", "BRAM18"),
                ((name, r["lut"], r["ff"], r["dsp"], r["bram18"]) for name, r in resources.items()))
