"""Search algorithms compared, on the same space, budget and seeds: ``python -m codesign.search.bench``.

Each proposes for the benchmark's space (``space.yaml`` beside this file) on the ULX3S in generations, until its budget
of epochs is used up. The figure is the hypervolume of accuracy, cycles and LUTs (see :meth:`Judge.conquered`), as a
share of what all networks of the space together have; intervals are bootstrap's, over seeds.

Accuracies are real, of the digits' validation images: ``accuracies.csv`` has those of every network of the space, so
that a search takes a second; ``--train`` trains them here and now. ``supernet`` and ``fbnet`` train what they begin
with here and now in any case, within the same budget: every network in a step counts.
"""

import random
import sys
from collections.abc import Sequence
from functools import partial
from statistics import fmean

from tqdm import tqdm

from ...cli.arguments import Parser, add_json, integer
from ...cli.output import print_json, print_table
from ...datasets import load_dataset
from ...pool import Pool
from ...recipe import Recipe
from ...workers import LocalCrew
from ..preparation import complete
from ..prepared import PREPARED, prepare
from ..proposers import PROPOSERS
from ..training import Shared
from .judge import Judge, Search, best_of_all, tabulated, trained
from .table import EPOCHS, LIMIT_S, SEED, never, read_table, validation_images

RESAMPLES, LEVEL = 10_000, 0.95
BUDGETS = (6, 12, 24)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Of their mean: percentiles of means of as many drawn from them."""
    generator = random.Random(0)
    means = sorted(fmean(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - LEVEL) / 2)
    return means[cut], means[-1 - cut]


def prepared_search(kind: str, seed: int, budget: int, judge: Judge, pool: Pool) -> float:
    """What such a one has conquered, its preparation, of this ``budget``'s length, trained on ``pool``; networks that
    are trained afterwards are by ``judge``."""
    prepared = prepare(kind, judge.space, judge.board, passes=budget, proposals=budget // 6, seed=seed,
                       recipe=Recipe(), complete=partial(complete, pool=pool, folder=None, limit_s=LIMIT_S))
    if prepared.inheritance is not None:
        judge = Judge(trained(pool, prepared.inheritance))
    return Search(kind, seed, judge, prepared).run([budget])[0]


def compare(kinds: Sequence[str], seeds: int, budgets: Sequence[int], judge: Judge,
            pool: Pool | None = None) -> dict[str, list[list[float]]]:
    """Hypervolumes by search, in the order of seeds, then of ``budgets`` (epochs); ``random`` is always among them.
    ``pool`` is for those that train before they propose."""
    runs = [(kind, seed) for kind in dict.fromkeys([*kinds, "random"]) for seed in range(seeds)]
    found: dict[str, list[list[float]]] = {}
    for kind, seed in tqdm(runs, desc="searches", file=sys.stderr):
        if kind in PREPARED and pool is not None:
            run = [prepared_search(kind, seed, budget, judge, pool) for budget in budgets]
        else:
            run = Search(kind, seed, judge).run(budgets)
        found.setdefault(kind, []).append(run)
    return found


def summary(found: dict[str, list[float]]) -> dict[str, dict]:
    """Means, and what each gains on random search with the same seeds, with intervals."""
    gains = {kind: [a - b for a, b in zip(values, found["random"], strict=True)] for kind, values in found.items()}
    return {kind: {"mean": fmean(values), "interval": interval(values), "gain": fmean(gains[kind]),
                   "gain_interval": interval(gains[kind])} for kind, values in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog="python -m codesign.search.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--search", action="append", choices=tuple(PROPOSERS),
                        help=f"one of those compared; default: all but {' and '.join(PREPARED)}, which train for long "
                             "before they propose")
    parser.add_argument("--seeds", type=integer(2, 1000), default=20, help="of each")
    parser.add_argument("--budget", type=integer(1, 100_000), action="append", metavar="N",
                        help=f"whole trainings ({EPOCHS} epochs) of each; several; default: "
                             f"{', '.join(map(str, BUDGETS))}")
    parser.add_argument("--train", action="store_true", help="really train, instead of looking accuracies up")
    parser.add_argument("--workers", type=integer(1, 1024), default=2, help="trainings at a time")
    add_json(parser)
    args = parser.parse_args(arguments)
    kinds, budgets = args.search or [k for k in PROPOSERS if k not in PREPARED], sorted(set(args.budget or BUDGETS))
    reference = Judge(tabulated(read_table(), validation_images()))
    if args.train or any(kind in PREPARED for kind in kinds):
        from ...train import train

        shared = Shared(train=train, measure=never, dataset=load_dataset("digits"), seed=SEED)
        with Pool(LocalCrew(args.workers, shared)) as pool:
            found = compare(kinds, args.seeds, [n * EPOCHS for n in budgets],
                            Judge(trained(pool)) if args.train else reference, pool)
    else:
        found = compare(kinds, args.seeds, [n * EPOCHS for n in budgets], reference)
    best = best_of_all(reference)
    shares = {kind: [[v / best for v in run] for run in runs] for kind, runs in found.items()}
    by_budget = {n: summary({kind: [run[i] for run in runs] for kind, runs in shares.items()})
                 for i, n in enumerate(budgets)}
    how = "trained" if args.train else "tabulated"
    if args.json:
        print_json({"accuracies": how, "epochs": EPOCHS, "best": best, "seeds": args.seeds, "searches": by_budget,
                    "hypervolumes": shares})
        return
    print_table(("trainings", "search", "hypervolume", "95 % interval", "less random", "95 % interval"), (
        (n, kind, f"{v['mean']:.1%}", "{:.1%} .. {:.1%}".format(*v["interval"]), f"{v['gain']:+.1%}",
         "{:+.1%} .. {:+.1%}".format(*v["gain_interval"])) for n, values in by_budget.items()
        for kind, v in values.items()))
    print(f"\n{args.seeds} seeds; {how} validation accuracies; hypervolume as a share of what the whole space has")


if __name__ == "__main__":
    main()
