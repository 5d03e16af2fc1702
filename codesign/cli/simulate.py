"""``codesign simulate``: a model on the simulated accelerator, held against the reference and the cost model."""

import argparse
import sys

from ..errors import CodesignError
from .arguments import add_accelerator, add_command, add_json, add_model, read_accelerator, read_model
from .images import add_images, read_images
from .layers import layer_values, print_layers
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "simulate", simulate, "Run images on the simulated accelerator (Verilator)",
                         "Logits are compared with the reference, cycles and counters with the cost model; any "
                         "difference is an error that says where.")
    add_model(parser)
    add_accelerator(parser)
    add_images(parser)
    parser.add_argument("--maps", action="store_true",
                        help="compare every layer's map of the first image, too: a run for each")
    add_json(parser)


def simulate(args: argparse.Namespace) -> None:
    config, _ = read_accelerator(args)
    network, integers = read_model(args, config)
    images, labels, _ = read_images(args, network.input, integers.info)

    from tqdm import tqdm

    from codesign.sim.verilated import VerilatorDevice

    from ..schedule import schedule
    from ..verification import verify_run

    if sys.stderr.isatty():
        print(f"simulator of {config.name}: built now, if it was not before", file=sys.stderr)
    device = VerilatorDevice(config)
    with tqdm(total=len(images), desc=f"{network.name} on {config.name}", unit="image", file=sys.stderr) as bar:
        def map_done(done: int, count: int) -> None:
            bar.set_postfix_str(f"map {done} of {count}")

        run = verify_run(integers, config, images, device, progress=lambda done: bar.update(1), maps=args.maps,
                         map_progress=map_done)
    result, prediction = run.result, run.prediction
    accuracy = None if labels is None else float((result.logits.argmax(axis=1) == labels).mean())
    bounds = schedule(network.graph(), config).visit_bounds
    layers = [{**values, "model_cycles": layer.cycles}
              for values, layer in zip(layer_values(result.layers, bounds), prediction.layers, strict=True)]
    values = {"network": network.name, "accelerator": config.name, "method": "simulated", "images": len(images),
              "bit_exact": run.differences == 0, "maps_compared": args.maps,
              "cycles": result.cycles[0], "model_cycles": prediction.cycles,
              "images_per_s": config.clock_hz / result.cycles[0], "accuracy": accuracy, "layers": layers,
              "counters": result.counters, "model_counters": prediction.counters}
    if args.json:
        print_json(values)
    else:
        _print(values, config.clock_hz, run.problem)
    if run.problem:
        raise CodesignError(run.problem)


def _print(values: dict, clock_hz: int, problem: str | None) -> None:
    print(f"{values['network']} on {values['accelerator']}, from the simulated accelerator's own counters\n")
    print_layers(values["layers"])
    print()
    print_table(("counter", "simulated", "cost model"),
                ((name, value, values["model_counters"][name]) for name, value in values["counters"].items()))
    accuracy = "" if values["accuracy"] is None else f", {values['accuracy']:.2%} right"
    if values["maps_compared"] and not problem:
        print("\nevery map of the first image equals the reference's")
    images = "1 image" if values["images"] == 1 else f"{values['images']} images"
    print(f"\n{images}: logits {'equal' if values['bit_exact'] else 'DIFFER from'} the reference"
          f"{' bit for bit' if values['bit_exact'] else ''}{accuracy}; "
          f"{values['images_per_s']:,.1f} images/s at {clock_hz / 1e6:g} MHz")
