"""``codesign metrics``: the complete metrics table of a network on a board."""

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import CodesignError
from .arguments import add_accelerator, add_command, add_json, add_model, read_accelerator, read_network_or_model
from .images import add_images, read_images
from .output import print_json, print_table
from .power import add_costs, read_power

if TYPE_CHECKING:
    import numpy as np

    from ..accelerator import AcceleratorConfig
    from ..integer import IntegerNetwork
    from ..network import Network

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(
        commands, "metrics", run, "Print the complete metrics table of a network on a board",
        "Each line says its unit and what stands behind it: measured, simulated, the cost model, an estimate. A line "
        "that cannot be filled is an error.")
    add_model(parser)
    add_accelerator(parser)
    add_images(parser)
    parser.add_argument("--device", choices=("verilator", "model"), default="verilator",
                        help="run the images on the simulated accelerator, or take cycles from the cost model and "
                             "answers from the integer reference")
    add_costs(parser)
    parser.add_argument("--allow-missing", action="store_true",
                        help="print lines that cannot be filled, with what would fill them")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from ..analysis import analyze
    from ..graph import Conv, Linear
    from ..metrics import MetricsSources, metrics_table
    from ..resources import estimate_resources

    config, board = read_accelerator(args)
    if board is None:
        raise CodesignError("Board must be given by --board: its metrics are asked for")
    network, integers = read_network_or_model(args, config)
    graph = network.graph()
    measured = _run(args, network, integers, config)
    power = read_power(args, graph, config, board, measured["counters"])
    layers = [node.op for node in graph.nodes if isinstance(node.op, Conv | Linear)]
    table = metrics_table(MetricsSources(
        network=network.name, board=board, config=config, process_nm=board.process_nm, analysis=analyze(graph),
        weight_bits=[op.weight_bits for op in layers],
        activation_bits=[op.activation_bits for op in layers if isinstance(op, Conv)],
        resources=estimate_resources(config, board.family), **measured, **power), allow_missing=args.allow_missing)
    if args.json:
        print_json({"network": network.name, "digest": network.digest(), "board": board.name,
                    "accelerator": config.to_dict(), "metrics": [metric.to_dict() for metric in table]})
        return
    print_table(("metric", "value", "unit", "method"),
                ((m.name, _text(m.value), m.unit, m.method) for m in table))


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return str(value)


def _run(args: argparse.Namespace, network: "Network", integers: "IntegerNetwork | None",
         config: "AcceleratorConfig") -> dict:
    """Cycles, counters and answers, as :class:`~codesign.metrics.MetricsSources` has them."""
    from ..cycles import predict
    from ..reference import evaluate

    if args.device == "verilator":
        if integers is None:
            raise CodesignError("Model must have weights (a trained model's directory, or --random-weights SEED) to be "
                                "run; --device model does without")
        images, labels, source = read_images(args, network.input, integers.info)
        result = _simulate(integers, config, images)
        return {"cycles": result.cycles[0], "counters": result.counters, "run_method": "simulated",
                **_answers(result.logits, labels, source, "simulated")}
    prediction = predict(network.graph(), config)
    values = {"cycles": prediction.cycles, "counters": prediction.counters, "run_method": "model"}
    if integers is None:
        return {**values, **_answers(None, None, None, "model")}
    images, labels, source = read_images(args, network.input, integers.info)
    return {**values, **_answers(evaluate(integers, images), labels, source, "model (integer reference)")}


def _simulate(integers: "IntegerNetwork", config: "AcceleratorConfig", images: "np.ndarray"):
    """The run's result, which is the reference's and the cost model's, or an error."""
    from tqdm import tqdm

    from codesign.sim.verilated import VerilatorDevice

    from ..verification import verify_run

    with tqdm(total=len(images), desc=config.name, unit="image", file=sys.stderr) as bar:
        verification = verify_run(integers, config, images, VerilatorDevice(config),
                                  progress=lambda done: bar.update(1))
    if verification.problem:
        raise CodesignError(verification.problem)
    return verification.result


def _answers(logits: "np.ndarray | None", labels: "np.ndarray | None", source: str | None, method: str) -> dict:
    if logits is None:
        return dict.fromkeys(("images", "dataset", "accuracy", "accuracy_method"))
    right = None if labels is None else float((logits.argmax(axis=1) == labels).mean())
    return {"images": len(logits), "dataset": None if labels is None else source, "accuracy": right,
            "accuracy_method": method}
