"""Search algorithms compared, on the same space, budget and seeds: ``python -m codesign.search.bench``.

Each proposes for the ``digits`` space on the ULX3S, in generations, until the budget of trainings is used up; every
pair within the space's cycles is trained. The figure is the hypervolume of accuracy, cycles and LUTs, as a share of the
box up to accuracy 0, the space's cycles and its largest share of the board's LUTs; bootstrap intervals are over seeds.

Without ``--epochs`` accuracies are SYNTHETIC: a formula of a network's weights and depth, with noise, in no data set's
name; it says which algorithm copes with a space of this shape, not which trains best. With it they are real trainings
on the digits' validation part.
"""

import math
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from tqdm import tqdm

from ..batch import BatchPredict
from ..board import load_board
from ..cli.arguments import Parser, add_json, integer
from ..cli.output import print_json, print_table
from ..costs import Price, price
from ..errors import CodesignError
from ..graph import Conv, Graph
from ..network import Network
from ..pool import Failure, Pool, Task
from ..workers import LocalCrew
from .hypervolume import hypervolume
from .proposers import PROPOSERS, Outcome, Proposal, make_proposer
from .records import count_weights
from .solve import solve
from .space import load_space
from .training import Job, Shared, train_network

GENERATION = 8
LIMIT_S = 3600
RESAMPLES, LEVEL = 10_000, 0.95


class Judge:
    """What proposals are worth. ``accuracies`` : of (network, epochs), as far as known."""

    def __init__(self, epochs: int | None, pool: Pool | None):
        self.space, self.board = load_space("digits"), load_board("ulx3s")
        self.configs = self.space.configs(self.board)
        self.epochs, self.pool = epochs, pool
        self.accuracies: dict[tuple[str, int], float] = {}
        self._predict = BatchPredict(self.configs)

    def outcomes(self, first: int, proposals: Sequence[Proposal]) -> list[Outcome]:
        """Of ``proposals``, whose numbers begin at ``first``."""
        priced = [self._price(p) for p in proposals]
        self._train([(network, p.fidelity) for p, (network, _, _) in zip(proposals, priced, strict=True) if network])
        found = []
        for number, (proposal, (network, costs, violation)) in enumerate(zip(proposals, priced, strict=True), first):
            losses = None
            if network is not None:
                accuracy = self.accuracies[network.digest(), self._epochs(proposal.fidelity)]
                losses = None if math.isnan(accuracy) else (-accuracy, *costs)
            found.append(Outcome(number=number, proposal=proposal, losses=losses, violation=violation))
        return found

    def _price(self, proposal: Proposal) -> tuple[Network | None, tuple[float, float], float]:
        """The network if it is within the budget, (cycles, LUTs), and by how much it is not."""
        def cost(graph: Graph, config) -> Price:
            return price(graph, config, predict=self._predict, board=self.board.name)

        try:
            network = self.space.build(proposal.choices)
            pair = solve(network, self.configs, self.board, proposal.choices["share"], cost)
        except CodesignError:
            return None, (0, 0), 1.0
        over = pair.price.cycles / self.space.max_cycles - 1
        return (None if over > 0 else network), (pair.price.cycles, pair.resources.lut), max(0.0, over)

    def _epochs(self, fidelity: float) -> int:
        return max(1, round(fidelity * (self.epochs or 90)))

    def _train(self, wanted: Sequence[tuple[Network, float]]) -> None:
        missing = {(n.digest(), self._epochs(f)): n for n, f in wanted}
        missing = {key: network for key, network in missing.items() if key not in self.accuracies}
        if self.pool is None:
            self.accuracies |= {(digest, epochs): synthetic_accuracy(network, epochs)
                                for (digest, epochs), network in missing.items()}
            return
        tasks = {Task(function=train_network, limit_s=LIMIT_S, arguments=(Job(
            network=network, epochs=key[1], seed=0, all_data=False, path=Path()),)): key
            for key, network in missing.items()}
        for task, answer in self.pool.run(list(tasks)):
            self.accuracies[tasks[task]] = math.nan if isinstance(answer, Failure) else answer.accuracy


def synthetic_accuracy(network: Network, epochs: int) -> float:
    """An invented landscape: more weights and depth help less and less, training approaches its end, each network is
    a little lucky or not."""
    graph = network.graph()
    depth = sum(isinstance(node.op, Conv) for node in graph.nodes)
    luck = random.Random(f"{network.digest()} {epochs}").gauss(0, 0.003)
    best = 1 - 0.5 * math.exp(-((count_weights(graph) / 300) ** 0.4)) - 0.04 / depth
    return max(0.0, min(1.0, best - 0.3 * math.exp(-epochs / 15) + luck))


def search(kind: str, seed: int, budget: float, judge: Judge) -> float:
    """The share of the box that ``kind`` has conquered when ``budget`` full trainings are spent."""
    proposer = make_proposer(kind, judge.space, seed, 3)
    told: list[Outcome] = []
    spent = 0.0
    while spent < budget:
        proposals = proposer.ask(GENERATION, {o.proposal.key for o in told})
        if not proposals:
            break
        new = judge.outcomes(len(told), proposals)
        proposer.tell(new)
        told += new
        spent += sum(o.proposal.fidelity for o in new if o.losses is not None)
    luts = judge.board.luts * max(judge.space.share)
    points = [o.losses for o in told if o.losses is not None and o.proposal.fidelity == 1]
    return hypervolume([(a, c / judge.space.max_cycles, lut / luts) for a, c, lut in points], (0.0, 1.0, 1.0))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Of their mean: percentiles of means of as many drawn from them."""
    generator = random.Random(0)
    means = sorted(fmean(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - LEVEL) / 2)
    return means[cut], means[-1 - cut]


def main() -> None:
    parser = Parser(prog="python -m codesign.search.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--search", action="append", choices=tuple(PROPOSERS),
                        help="one of those compared; default: all")
    parser.add_argument("--seeds", type=integer(2, 1000), default=10, help="of each")
    parser.add_argument("--budget", type=integer(8, 100_000), default=96, help="full trainings of each")
    parser.add_argument("--epochs", type=integer(1, 100_000), help="really train, for so many; else synthetic")
    parser.add_argument("--workers", type=integer(1, 1024), default=2, help="trainings at a time")
    add_json(parser)
    args = parser.parse_args()
    kinds = args.search or list(PROPOSERS)
    if args.epochs is None:
        found = compare(kinds, args.seeds, args.budget, Judge(None, None))
    else:
        from ..datasets import load_dataset
        from ..train import train

        def never(*_):
            raise CodesignError("nothing is measured here")

        shared = Shared(train=train, measure=never, dataset=load_dataset("digits"), seed=0)
        with Pool(LocalCrew(args.workers, shared)) as pool:
            found = compare(kinds, args.seeds, args.budget, Judge(args.epochs, pool))
    values = summary(found)
    accuracies = f"validation accuracies after {args.epochs} epochs" if args.epochs else "SYNTHETIC accuracies"
    if args.json:
        print_json({"accuracies": accuracies, "budget": args.budget, "searches": values, "hypervolumes": found})
        return
    print_table(("search", "hypervolume", "95 % interval", "less random", "95 % interval"), (
        (kind, f"{v['mean']:.4f}", "{:.4f} .. {:.4f}".format(*v["interval"]), f"{v['gain']:+.4f}",
         "{:+.4f} .. {:+.4f}".format(*v["gain_interval"])) for kind, v in values.items()))
    print(f"\n{accuracies}; {args.seeds} seeds, {args.budget} full trainings each")


def compare(kinds: Sequence[str], seeds: int, budget: int, judge: Judge) -> dict[str, list[float]]:
    """Hypervolumes by search, in the order of seeds; ``random`` is always among them."""
    runs = [(kind, seed) for kind in dict.fromkeys([*kinds, "random"]) for seed in range(seeds)]
    found: dict[str, list[float]] = {}
    for kind, seed in tqdm(runs, desc="searches", file=sys.stderr):
        found.setdefault(kind, []).append(search(kind, seed, budget, judge))
    return found


def summary(found: dict[str, list[float]]) -> dict[str, dict]:
    """Means, and what each gains on random search with the same seeds, with intervals."""
    gains = {kind: [a - b for a, b in zip(values, found["random"], strict=True)] for kind, values in found.items()}
    return {kind: {"mean": fmean(values), "interval": interval(values), "gain": fmean(gains[kind]),
                   "gain_interval": interval(gains[kind])} for kind, values in found.items()}


if __name__ == "__main__":
    main()
