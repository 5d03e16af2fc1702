"""``codesign run``: a model on a device, held against the reference and the cost model."""

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from .arguments import add_accelerator, add_command, add_json, add_model, integer, read_accelerator, read_model
from .images import add_images, read_images
from .layers import layer_values, print_layers
from .output import print_json, print_table, tell_of_simulator

if TYPE_CHECKING:
    from ..costs import Question
    from ..device import Device
    from ..verification import Verification

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "run", run, "Run images on a device: simulated, or a board",
                         "Logits are compared with the reference, and where the accelerator is simulated cycles and "
                         "counters with the cost model; any difference is an error that says where.")
    add_model(parser)
    add_accelerator(parser, fitted=True)
    parser.add_argument("--device", default="verilator", metavar="D",
                        help="reference, verilator (the RTL), host (the board's firmware on this machine, in front of "
                             "the RTL), virtual (the ZCU102's firmware in QEMU, likewise), system (all that is in "
                             "--board's FPGA, at its pins), serial (a board), "
                             "replay (a recorded session)")
    parser.add_argument("--port", metavar="P", help="the board's serial port (codesign boards shows those plugged "
                                                        "in), or the recorded session's file")
    parser.add_argument("--baud", type=integer(300, 10_000_000), default=115_200, help="its rate")
    parser.add_argument("--record", metavar="FILE", help="record what goes over the line, for --device replay")
    parser.add_argument("--power-samples", type=integer(0, 100_000), default=60, metavar="N",
                        help="of every rail of a board with power sensors, idle and running; 0: none")
    parser.add_argument("--costs", metavar="TABLE",
                        help="add rows of the run, of power too, to this cost table; with --board, which they are of")
    parser.add_argument("--maps", action="store_true",
                        help="compare every layer's map of the first image, too, which takes a run for each: with "
                             "--device verilator, whose memory can be seen")
    parser.add_argument("--embed", action="store_true",
                        help="device system begins with the program in its memory, as an image built with it does")
    add_images(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if args.costs and (args.board is None or args.device == "reference"):
        raise CodesignError("Cost rows must be of a board, given by --board, and of a device that has cycles")
    require(not args.costs or args.device != "replay",
            "Cost rows must be of a run, not of device replay: when and where it was recorded, the rows would not say")
    require(not args.maps or args.device == "verilator", f"Maps must be of device verilator, not {args.device}")
    require(not args.embed or args.device == "system", f"Device must be system to embed a program, not {args.device}")
    config, where = read_accelerator(args, fitted=True)
    network, integers = read_model(args, config)
    images, labels, _ = read_images(args, network.input, integers.info)

    from tqdm import tqdm

    from codesign.boards.devices import open_device

    from ..compiler import compile_network
    from ..costs import Question
    from ..schedule import schedule
    from ..verification import verify_run

    tell_of_simulator(config.name if args.device in ("verilator", "host", "virtual", "system") else None)
    data = compile_network(integers, config).stream if args.embed else b""
    with open_device(args.device, config, integer=integers, port=args.port, baud=args.baud, record=args.record,
                     power_sweeps=args.power_samples, board=where, data=data) as device:
        with tqdm(total=len(images), desc=f"{network.name} on {args.device}", unit="image", file=sys.stderr) as bar:
            def map_done(done: int, count: int) -> None:
                bar.set_postfix_str(f"map {done} of {count}")

            found = verify_run(integers, config, images, device, progress=lambda done: bar.update(1), maps=args.maps,
                               map_progress=map_done)
        link = getattr(device, "link", None)
        board = None if link is None else {key: link.board[key] for key in ("board", "firmware", "boots")}
    values = {"network": network.name, "accelerator": config.name, "device": args.device, "board": board,
              **_values(found, device, schedule(network.graph(), config).visit_bounds, config.clock_hz),
              "accuracy": None if labels is None else float((found.result.logits.argmax(axis=1) == labels).mean()),
              "maps_compared": args.maps}
    if args.json:
        print_json(values)
    else:
        _print(values, config.clock_hz, found.problem)
    if found.problem:
        raise CodesignError(found.problem)
    if args.costs and where is not None:
        _add_rows(args, found, device, Question(network=network, accelerator=config, board=where.name))


def _values(found: "Verification", device: "Device", bounds, clock_hz: int) -> dict:
    """What the device said of the run beside what the cost model does, JSON-compatible."""
    result, prediction, times = found.result, found.prediction, getattr(device, "times", None)
    layers = [{**values, "model_cycles": layer.cycles} for values, layer in
              zip(layer_values(result.layers, bounds), prediction.layers, strict=True)] if result.layers else []
    power = result.power and {**result.power.to_dict(), "rails": sorted(result.power.idle_rails)}
    return {"method": device.method, "images": len(result.logits), "bit_exact": found.differences == 0,
            "cycles": list(result.cycles), "model_cycles": prediction.cycles,
            "images_per_s": clock_hz / min(result.cycles) if result.cycles else None, "layers": layers,
            "counters": result.counters, "model_counters": prediction.counters, "power": power,
            "power_problem": result.power_problem, "transfer_s": times and times.transfer_s,
            "compute_s": times and times.compute_s}


def _add_rows(args: argparse.Namespace, found: "Verification", device: "Device", question: "Question") -> None:
    """The run as rows of the table that ``--costs`` names."""
    import uuid

    from codesign.boards.port import port_serial
    from codesign.sim.build import rtl_digest
    from codesign.sim.toolchain import simulator_versions

    from ..costs import CostTable
    from ..costs.measurement import measurement_of, measurement_rows

    config = question.accelerator
    serial = port_serial(args.port) if args.port else None
    measured = measurement_of(found.result, device, rtl_digest(config), simulator_versions(), serial)
    with CostTable(args.costs) as table:
        ids = table.add(measurement_rows(measured, question.network, config, question.board, found.prediction,
                                         uuid.uuid4().hex), question)
    print(f"{args.costs}: {len(ids)} rows", file=sys.stderr)


def _print(values: dict, clock_hz: int, problem: str | None) -> None:
    board = values["board"]
    print(f"{values['network']} on {values['accelerator']}, {values['device']}"
          + (f" ({board['board']}, firmware {board['firmware']})" if board else "") + f": {values['method']}\n")
    if values["layers"]:
        print_layers(values["layers"])
        print()
    if values["counters"]:
        print_table(("counter", values["method"], "cost model"),
                    ((name, value, values["model_counters"][name]) for name, value in values["counters"].items()))
        print()
    if values["cycles"]:
        low, high = min(values["cycles"]), max(values["cycles"])
        print(f"cycles an image: {low:,}{'' if low == high else f' to {high:,}'} (cost model: "
              f"{values['model_cycles']:,}); {values['images_per_s']:,.1f} images/s at {clock_hz / 1e6:g} MHz")
    if values["compute_s"] is not None:
        print(f"{values['transfer_s']:.2f} s on the line, {values['compute_s']:.2f} s while the accelerator ran")
    _print_power(values)
    if values["maps_compared"] and not problem:
        print("every map of the first image equals the reference's")
    accuracy = "" if values["accuracy"] is None else f", {values['accuracy']:.2%} right"
    exact = "equal the reference bit for bit" if values["bit_exact"] else "DIFFER from the reference"
    print(f"{values['images']} image{'' if values['images'] == 1 else 's'}: logits {exact}{accuracy}")


def _print_power(values: dict) -> None:
    if values["power_problem"]:
        print(f"power: not measured: {values['power_problem']}")
    if power := values["power"]:
        idle, active, energy = (power[key] for key in ("idle_w", "active_w", "energy_j"))
        print(f"power, {power['method']}: {idle['value']:.3f} +- {idle['uncertainty']:.3f} W idle, "
              f"{active['value']:.3f} +- {active['uncertainty']:.3f} W active; {energy['value'] * 1e6:,.2f} +- "
              f"{energy['uncertainty'] * 1e6:,.2f} uJ an image (rails {', '.join(power['rails'])})")
