"""``codesign sweep``: the search, from proposals to measured pairs and their report."""

import argparse
import shlex
import sys
from pathlib import Path

from ..errors import require
from .arguments import BOARD, add_command, add_json, integer, number
from .goals import add_goals, goal_words, read_constraints, read_objectives
from .images import DATASET_HELP
from .output import print_json
from .training import add_training, read_recipe, recipe_words

__all__ = ["add", "command_line"]

SHARE, TRAIN_S, MEASURE_S = 0.2, 86_400, 7_200


def add(commands) -> None:
    parser = add_command(commands, "sweep", run, "Search pairs of a network and an accelerator",
                         "They are priced by the cost model, the promising are trained, the best run on the generated "
                         "RTL; then round again, priced with what was measured. The same command continues an "
                         "interrupted sweep and shows a finished one.")
    parser.add_argument("--out", required=True, metavar="DIR", help="the sweep's directory, new or to be continued")
    parser.add_argument("--board", default="ulx3s", metavar="B", help=BOARD)
    parser.add_argument("--space", default="digits", metavar="S", help="what is searched: a YAML file, or digits")
    parser.add_argument("--dataset", default="digits", metavar="D", help=DATASET_HELP)
    parser.add_argument("--trials", type=integer(1, 100_000), default=96, help="different pairs to price")
    parser.add_argument("--trained", type=integer(1, 100_000), help="networks to train, about; 72, or all if fewer")
    parser.add_argument("--finalists", type=integer(1, 1000), default=6,
                        help="networks trained again after each round and run on the RTL, of every accelerator that "
                             "puts them on the front")
    parser.add_argument("--epochs", type=integer(1, 100_000), default=60, help="of training in the search")
    parser.add_argument("--final-epochs", type=integer(1, 100_000), default=300,
                        help="of training before a run on the RTL")
    parser.add_argument("--seed", type=integer(0), default=0, help="of proposals and trainings")
    parser.add_argument("--search", default="nsga2", metavar="A",
                        help="the algorithm: nsga2, tpe, halving, netadapt, supernet, fbnet, random")
    parser.add_argument("--generation", type=integer(1, 100_000), default=8, metavar="N",
                        help="proposals at a time, made from all results before; more keep more workers busy")
    parser.add_argument("--workers", type=integer(1, 1024), metavar="N",
                        help="processes that train and measure; 2, or, with --ray, as many as the cluster has "
                             "processors. The results do not depend on it")
    parser.add_argument("--ray", metavar="ADDRESS", help="the workers are on the machines of this Ray cluster: "
                        "HOST:PORT, ray://HOST:PORT or auto")
    parser.add_argument("--storage", metavar="URL", help="the database of trials, postgresql://USER@HOST/NAME say, in "
                        "which many sweeps may be; else an SQLite file in DIR")
    parser.add_argument("--costs", metavar="TABLE", help="begin with the board's rows of this table, a sweep's "
                        "directory or a cost table's SQLite file: they price the first round, too. They are copied "
                        "into DIR/costs.db once; the same command must find the same rows, here or elsewhere")
    parser.add_argument("--max-failures", type=number(0, 1), default=SHARE, metavar="SHARE", help="of trainings and "
                        "measurements, after the first ten: what fails is recorded, and more of it ends the sweep")
    parser.add_argument("--train-limit", type=number(1e-3, 1e9), default=TRAIN_S, metavar="S",
                        help="seconds, after which a training counts as failed")
    parser.add_argument("--measure-limit", type=number(1e-3, 1e9), default=MEASURE_S, metavar="S",
                        help="seconds, after which a measurement counts as failed")
    add_training(parser)
    parser.add_argument("--device", default="verilator", choices=("verilator", "host", "virtual", "serial"),
                        help="where the finalists run: the RTL, the board's firmware on this machine in front of it, "
                             "or a board, whose accelerator must then be the space's only one")
    parser.add_argument("--port", metavar="P", help="the board's serial port")
    parser.add_argument("--baud", type=integer(300, 10_000_000), default=115_200, help="its rate")
    parser.add_argument("--power-samples", type=integer(0, 100_000), default=60, metavar="N",
                        help="of every rail of a board with power sensors, idle and running; 0: none")
    add_json(parser)
    add_goals(parser)


def command_line(settings: dict, **words: str) -> str:
    """What to type to get a sweep with ``settings`` (see SweepOptions) again; ``words``: out, board, space, dataset,
    costs (which settings do not name, but by a digest)."""
    if settings.get("costs"):
        words.setdefault("costs", "TABLE")
    keys = ("trials", "trained", "finalists", "epochs", "final_epochs", "seed", "search", "generation", "storage",
            "training_device")
    words |= {key.replace("_", "-"): str(settings[key]) for key in keys if settings[key] is not None}
    return shlex.join(["codesign", "sweep", *(word for key, value in words.items() for word in (f"--{key}", value)),
                       *recipe_words(settings["recipe"]), *goal_words(settings)])


def print_results(results: dict, directory: str, page: Path) -> None:
    """For a terminal: the front, and where there is more."""
    from ..report import text_table

    again = shlex.join(["codesign", "rebuild", directory])
    print(f"{text_table(results)}\n\n{again} CANDIDATE --out DIR: a row's accelerator and program\n"
          f"report: {page.absolute()}")


def run(args: argparse.Namespace) -> None:
    from ..board import load_board
    from ..costs import read_excerpt
    from ..search import SweepOptions, load_space, run_sweep
    from .costs import table_path

    space, board = load_space(args.space), load_board(args.board)
    if args.training_device != "auto" and args.ray is None:
        from ..train import training_device

        training_device(args.training_device)
    from codesign.sim.toolchain import environment
    from codesign.sim.tools import search_tools

    environment()  # a missing tool is better told now than after the trainings
    require((args.device == "serial") == (args.port is not None),
            f"Sweep must have a --port where --device is serial, and there alone, not {args.port!r} for {args.device}")
    tools = search_tools(args.dataset, space.input, device=args.device, port=args.port, baud=args.baud,
                         power_sweeps=args.power_samples)
    dataset = tools.dataset()  # what cannot be loaded must not leave the beginnings of a sweep
    costs = None if args.costs is None else read_excerpt(table_path(args.costs), board.name)
    trained = min(SweepOptions.trained, args.trials) if args.trained is None else args.trained
    options = SweepOptions(out=Path(args.out), space=space, board=board, trials=args.trials, trained=trained,
                           finalists=args.finalists, epochs=args.epochs, final_epochs=args.final_epochs, seed=args.seed,
                           recipe=read_recipe(args, dataset), training_device=args.training_device,
                           search=args.search, generation=args.generation, storage=args.storage, costs=costs,
                           objectives=read_objectives(args), constraints=read_constraints(args),
                           workers=args.workers, ray=args.ray, max_failures=args.max_failures,
                           train_limit_s=args.train_limit, measure_limit_s=args.measure_limit)
    from .sweep_view import watched

    try:
        with watched(tools, f"{space.name} on {board.name} by {args.search}") as shown:
            results = run_sweep(options, shown)
    except KeyboardInterrupt:
        print(f"\n{args.out}: the same command continues the sweep", file=sys.stderr)
        raise

    from ..report import write_report

    words = {key: getattr(args, key) for key in ("out", "board", "space", "dataset", "costs")}
    page = write_report(options.out, dataset, command_line(
        options.settings(), **{key: word for key, word in words.items() if word is not None}))
    if args.json:
        print_json(results)
    else:
        print_results(results, args.out, page)
