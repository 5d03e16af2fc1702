"""``codesign energy``: energy of an image by component, and of one layer by two independent estimates."""

import argparse
from typing import TYPE_CHECKING

from ..errors import CodesignError
from .arguments import add_accelerator, add_command, add_json, add_model, read_accelerator, read_network_or_model
from .images import add_dataset, read_images
from .output import print_json, print_table, tell_of_simulator
from .power import add_costs, read_fit

if TYPE_CHECKING:
    from ..board import Board
    from ..energy import Energy
    from ..energy_fit import EnergyFit
    from ..integer import IntegerNetwork
    from ..network import Network
    from ..schedule import Schedule

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(
        commands, "energy", run, "Estimate the energy of an image, by component",
        "Counters of the cost model times energy per event, plus static power times time. With --layer, the layer is "
        "run on the simulated accelerator, and a second estimate is made of what switched there.")
    add_model(parser)
    add_accelerator(parser)
    parser.add_argument("--layer", metavar="L", help="compare with the switching activity of this layer, in one image")
    add_dataset(parser)
    add_costs(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from ..cycles import predict_schedule
    from ..energy import estimate_energy
    from ..schedule import schedule

    config, board = read_accelerator(args)
    if board is None:
        raise CodesignError("Board must be given by --board: energy is that of a part and its memory")
    network, integers = read_network_or_model(args, config)
    plan = schedule(network.graph(), config)
    fit = read_fit(args, config, board)
    prediction = predict_schedule(plan)
    energy = estimate_energy(config, prediction.counters, board, fit)
    error_j = fit.predict(config, prediction.counters, board)[1] if fit else None
    seconds = prediction.cycles / config.clock_hz
    values: dict = {"network": network.name, "accelerator": config.name, "board": board.name, **energy.to_dict(),
                    "standard_error_j": error_j, "idle_w": energy.static_j / seconds,
                    "active_w": energy.total_j / seconds, "cycles": prediction.cycles, "seconds": seconds,
                    "fit": fit.to_dict() if fit else None, "layer": None}
    if args.layer is not None:
        if integers is None:
            raise CodesignError("Model must have weights (a trained model's directory, or --random-weights SEED) "
                                "for a layer to be run")
        values["layer"] = _layer(args, network, integers, plan, board, fit)
    if args.json:
        print_json(values)
        return
    _print(values, energy, fit)


def _layer(args: argparse.Namespace, network: "Network", integers: "IntegerNetwork", plan: "Schedule", board: "Board",
           fit: "EnergyFit | None") -> dict:
    """Both estimates of ``args.layer``, JSON-compatible."""
    from codesign.sim.activity import count_switching

    from ..energy import estimate_energy
    from ..layer_counters import layer_counters
    from ..switching import compare, switching_energy

    args.images = 1
    images, _, source = read_images(args, network.input, integers.info)
    tell_of_simulator(plan.config.name, " that counts transitions")
    layer, switching = count_switching(integers, plan.config, images[0], args.layer)
    counters = layer_counters(plan, plan.visit_names.index(args.layer))
    counted = estimate_energy(plan.config, counters, board, fit)
    switched = switching_energy(switching, layer.cycles, board.family)
    return {"name": args.layer, "cycles": layer.cycles, "image": source, "counters": counters,
            "counted": counted.to_dict(), "switched": switched.to_dict(),
            "transitions": {name: s.transitions for name, s in switching.items()},
            "comparison": [part.to_dict() for part in compare(counted, switched)]}


def _print(values: dict, energy: "Energy", fit: "EnergyFit | None") -> None:
    from ..units import si

    print(f"{values['network']} on {values['accelerator']}, {values['board']}: energy of one image "
          f"({energy.method}; counters from the cost model)\n")
    print_table(("component", "energy", "share"),
                ((name, si(joules, "J"), f"{joules / energy.total_j:.1%}")
                 for name, joules in energy.components.items()))
    error = f" +- {si(values['standard_error_j'], 'J')} (standard error)" if fit else ""
    print(f"\n{si(energy.total_j, 'J')}{error} an image of {si(values['seconds'], 's')}, of which "
          f"{si(energy.static_j, 'J')} idle; {si(values['idle_w'], 'W')} idle, {si(values['active_w'], 'W')} active "
          f"({energy.method})")
    if fit:
        print(f"\n{fit.method}: {len(fit.rows)} rows of runs, {len(fit.idle_rows)} of idle power; "
              f"{fit.residual:.1%} off (root mean square)")
        print_table(("coefficient", "fitted", "standard error", "data file", ""),
                    ((name, f"{c.value:.3g}", f"{c.standard_error:.2g}", f"{c.prior:.3g}",
                      "hardly measured: tied to the data file" if c.tied else "")
                     for name, c in fit.coefficients.items()))
    if values["layer"]:
        _print_layer(values["layer"], energy.method)


def _print_layer(layer: dict, method: str) -> None:
    from ..units import si

    print(f"\nlayer {layer['name']}: two estimates of its dynamic energy on the chip, in {layer['cycles']:,} cycles of "
          f"the simulated accelerator, one image ({layer['image']})")
    print_table(("component", f"counters ({method})", "switching (estimate)", "switching / counters"),
                ((part["component"], si(part["counters_j"], "J"), si(part["switching_j"], "J"),
                  "-" if part["ratio"] is None else f"{part['ratio']:.2f}") for part in layer["comparison"]))
    ratio = layer["comparison"][-1]["ratio"]
    print(f"they disagree by a factor of {max(ratio, 1 / ratio):.2f} in all; neither is measured, nor fitted to the "
          "other;\nboth use the same figures for RAM blocks and multipliers, and count their work independently")
