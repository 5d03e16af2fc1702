"""Search algorithms compared, on the same space, budget and seeds: ``python -m codesign.search.bench``.

Each proposes for the benchmark's space (``space.yaml`` beside this file) on the ULX3S in generations, until its budget
of epochs is used up. The figure is the hypervolume of accuracy, cycles and LUTs (see :meth:`Judge.conquered`), as a
share of what all networks of the space together have; intervals are Student's, over seeds.

Accuracies are real, of the digits' validation images: ``accuracies.csv`` has those of every network of the space, so
that a search takes seconds; ``--train`` trains them here and now. ``supernet`` and ``fbnet`` train what they begin
with here and now in any case, within the same budget: every network in a step counts. That takes long, so that
``--runs FILE`` keeps each run as it ends, and continues, or adds to, what is there.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from ...cli.arguments import Parser, add_json, integer
from ...cli.output import print_json, print_table
from ...datasets import load_dataset
from ...errors import CodesignError
from ...pool import Pool
from ...workers import LocalCrew
from ..prepared import PREPARED
from ..proposers import PROPOSERS
from ..training import Shared
from .comparison import BASELINE, Runs, compare, summarize
from .judge import Judge, best_of_all, tabulated, trained
from .table import EPOCHS, SEED, never, read_table, validation_images

BUDGETS = (6, 12, 24, 48)


def parser() -> Parser:
    found = Parser(prog="python -m codesign.search.bench", description=(__doc__ or "").splitlines()[0])
    found.add_argument("--search", action="append", choices=tuple(PROPOSERS),
                       help=f"one of those compared; default: all but {' and '.join(PREPARED)}, which train for long "
                            "before they propose")
    found.add_argument("--seeds", type=integer(2, 1000), default=20, help="of each")
    found.add_argument("--budget", type=integer(1, 100_000), action="append", metavar="N",
                       help=f"whole trainings ({EPOCHS} epochs) of each; several; default: "
                            f"{', '.join(map(str, BUDGETS))}")
    found.add_argument("--train", action="store_true", help="really train, instead of looking accuracies up")
    found.add_argument("--workers", type=integer(1, 1024), default=2, help="trainings at a time")
    found.add_argument("--runs", type=Path, metavar="FILE", help="keep runs here, and show all that are here")
    found.add_argument("--picture", type=Path, metavar="FILE", help="draw the comparison: .png or .svg")
    add_json(found)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    kinds, budgets = args.search or [k for k in PROPOSERS if k not in PREPARED], sorted(set(args.budget or BUDGETS))
    reference = Judge(tabulated(read_table(), validation_images()))
    how, best = "trained" if args.train else "tabulated", best_of_all(reference)
    runs = Runs(args.runs, f"{how} accuracies; the whole space conquers {best:.6f}")
    if args.train or any(kind in PREPARED for kind in kinds):
        from ...train import train

        shared = Shared(train=train, measure=never, dataset=load_dataset("digits"), seed=SEED)
        with Pool(LocalCrew(args.workers, shared)) as pool:
            compare(kinds, args.seeds, budgets, Judge(trained(pool)) if args.train else reference, pool, runs)
    else:
        compare(kinds, args.seeds, budgets, reference, runs=runs)
    there = [BASELINE, *(k for k in PROPOSERS if k != BASELINE)]
    by_budget = {n: summarize(runs, best, there, n) for n in sorted({n for _, _, n in runs})}
    if args.picture:
        from .picture import draw

        draw(by_budget, args.picture)
    if args.json:
        print_json({"accuracies": how, "epochs": EPOCHS, "best": best, "searches": {
            n: {kind: dataclasses.asdict(summary) for kind, summary in found.items()}
            for n, found in by_budget.items()}})
        return
    print_table(("trainings", "search", "seeds", "hypervolume", "95 % interval", f"less {BASELINE}", "95 % interval"), (
        (n, kind, v.seeds, f"{v.mean:.1%}", "{:.1%} .. {:.1%}".format(*v.interval),
         *((None, None) if kind == BASELINE else (f"{v.gain:+.1%}", "{:+.1%} .. {:+.1%}".format(*v.gain_interval))))
        for n, found in by_budget.items() for kind, v in found.items()))
    print(f"\n{how} validation accuracies; hypervolume as a share of what the whole space has")


if __name__ == "__main__":
    try:
        main()
    except CodesignError as e:
        sys.exit(f"python -m codesign.search.bench: {e}")
