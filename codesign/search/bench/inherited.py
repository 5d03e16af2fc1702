"""What accuracies with a supernet's weights say of networks: ``python -m codesign.search.bench.inherited``.

Supernets as ``--search supernet`` trains them within a budget; every network of the benchmark's space inherits from
them, and is held against its training alone in ``accuracies.csv``: by means, and by Kendall's rank correlation (tau-b),
which is 1 where both put all networks in the same order, 0 where one says nothing of the other. Beside it, that of
short trainings, which cost so much for each network.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from scipy.stats import kendalltau

from ...cli.arguments import Parser, add_json, integer
from ...cli.output import print_json, print_table
from ...datasets import load_dataset
from ...errors import CodesignError
from ...network import Network
from ...pool import Pool
from ...recipe import Recipe
from ...workers import LocalCrew
from ..preparation import complete
from ..prepared import prepare
from ..training import Shared
from .comparison import PROPOSALS
from .judge import Judge, best_of_all, tabulated, trained
from .table import EPOCHS, LENGTHS, LIMIT_S, SEED, Table, bench_networks, never, read_table, validation_images

__all__ = ["compared", "inherited", "tau"]


def tau(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Kendall's, tau-b, of the networks that both have."""
    both = sorted(one.keys() & other.keys())
    return float(kendalltau([one[key] for key in both], [other[key] for key in both]).statistic)


def inherited(budget: int, seed: int, networks: Mapping[str, Network], judge: Judge, pool: Pool) -> dict[str, float]:
    """Accuracies of ``networks``, by digest, with the weights of a supernet trained within ``budget`` trainings."""
    prepared = prepare("supernet", judge.space, judge.board, passes=budget * EPOCHS, proposals=budget * PROPOSALS,
                       seed=seed, recipe=Recipe(), complete=partial(complete, pool=pool, folder=None, limit_s=LIMIT_S))
    found = trained(pool, prepared.inheritance)({(digest, 1): network for digest, network in networks.items()})
    return {digest: accuracy for (digest, _), accuracy in found.items()}


def compared(found: Mapping[str, float], table: Table, images: int, best: float) -> dict[str, float]:
    """``found`` by digest, held against ``table``.

    inherited, alone : mean accuracies; tau : of both; conquered : share of ``best``, the whole space's hypervolume,
    that all networks have with inherited weights, so that no search on them has more
    """
    alone = {digest: row[EPOCHS] / images for digest, row in table.items()}
    whole = Judge(lambda wanted: {key: found[key[0]] for key in wanted})
    return {"inherited": fmean(found.values()), "alone": fmean(alone[digest] for digest in found),
            "tau": tau(found, alone), "conquered": best_of_all(whole) / best}


def main(arguments: Sequence[str] | None = None) -> None:
    from ...train import train

    parser = Parser(prog="python -m codesign.search.bench.inherited", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=integer(1, 1000), default=1, help="of supernets")
    parser.add_argument("--budget", type=integer(1, 100_000), action="append", metavar="N",
                        help=f"whole trainings ({EPOCHS} epochs) that the search has; several; default: 12")
    parser.add_argument("--workers", type=integer(1, 1024), default=2, help="processes")
    add_json(parser)
    args = parser.parse_args(arguments)
    table, images, networks = read_table(), validation_images(), bench_networks()
    judge = Judge(tabulated(table, images))
    best, rows = best_of_all(judge), []
    shared = Shared(train=train, measure=never, dataset=load_dataset("digits"), seed=SEED)
    with Pool(LocalCrew(args.workers, shared)) as pool:
        for budget in sorted(set(args.budget or (12,))):
            for seed in range(args.seeds):
                found = inherited(budget, seed, networks, judge, pool)
                rows.append({"trainings": budget, "seed": seed, **compared(found, table, images, best)})
    short = {epochs: tau({digest: row[epochs] for digest, row in table.items()},
                         {digest: row[EPOCHS] for digest, row in table.items()}) for epochs in LENGTHS[:-1]}
    if args.json:
        print_json({"supernets": rows, "tau_of_epochs": short})
        return
    print_table(("trainings", "seed", "inherited", "alone", "tau", "conquered"), (
        (row["trainings"], row["seed"], f"{row['inherited']:.1%}", f"{row['alone']:.1%}", row["tau"],
         f"{row['conquered']:.1%}") for row in rows))
    print(f"\nmean accuracies of {len(networks)} networks; conquered: hypervolume of all of them, as a share of what "
          "they have\nwhen trained alone. Of short trainings, tau is " +
          ", ".join(f"{value:.2f} ({epochs} epochs)" for epochs, value in short.items()))


if __name__ == "__main__":
    try:
        main()
    except CodesignError as e:
        sys.exit(f"python -m codesign.search.bench.inherited: {e}")
