"""``codesign report``: a sweep's results, as a table and an HTML page."""

import argparse

from .arguments import add_command, add_json
from .output import print_json
from .sweep import command_line, print_results

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "report", run, "Write a sweep's HTML report again and print its Pareto front")
    parser.add_argument("directory", metavar="DIR", help="the sweep's directory")
    parser.add_argument("--dataset", metavar="D", help="where the data set is now, if not as the sweep had it")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from ..datasets import dataset_for
    from ..report import load_results, write_report

    results = load_results(args.directory)
    reference = args.dataset or results["dataset"]
    settings = results["settings"]
    dataset = dataset_for(reference, settings["space"]["input"])
    page = write_report(args.directory, dataset, command_line(
        settings, out=args.directory, board=settings["board"]["name"], space=settings["space"]["name"],
        dataset=reference))
    if args.json:
        print_json({**results, "report": str(page.absolute())})
    else:
        print_results(results, args.directory, page)
