"""The search: propose pairs, price them, train the promising, measure the best, and go round again with the rows.

Everything that needs a simulator or a trainer is passed in as :class:`~codesign.search.options.Tools`. The state is
on disk only: the same call continues after a kill and loses at most the trainings in flight.
"""

import math
import sys
from pathlib import Path

from optuna.trial import Trial
from tqdm import tqdm

from ..accelerator import AcceleratorConfig
from ..batch import BatchPredict
from ..costs import CostTable, Price, price
from ..errors import CodesignError, require
from ..graph import Graph
from ..network import Network
from .directory import SweepDirectory, write_json
from .finals import measure_best
from .options import SweepOptions, Tools
from .records import most_promising, pair_record
from .results import collect
from .solve import Pair, solve
from .study import CandidateStudy
from .training import Job, Trainer

__all__ = ["run_sweep"]

ROUND_1_SHARE = 0.6  # of the trials; the others are proposed after the first measurements
GENERATION = 8  # proposals priced before some of them are trained
NEIGHBOURS = 2  # of each measured candidate, proposed first in round 2: they share layers, so rows, with it
BARREN_GENERATIONS = 25  # without one new pair, before the space counts as exhausted


def run_sweep(options: SweepOptions, tools: Tools) -> dict:
    """Run or continue a sweep; returns its results, which are in ``results.json`` too.

    Raises :class:`CodesignError` on a directory that is not the sweep's, and where a measurement contradicts the
    reference or the cost model.
    """
    dataset, space = tools.dataset(), options.space
    require(dataset.shape == space.input and len(dataset.classes) == space.classes,
            f"Space input and classes must be the data set's {list(dataset.shape)} and {len(dataset.classes)}, "
            f"not {list(space.input)} and {space.classes}")
    directory = SweepDirectory(options.out)
    with (directory.opened(options.settings()), CostTable(directory.costs) as table,
          Trainer(tools.train, options.workers) as trainer):
        study = CandidateStudy(directory.study, options.space, options.seed)
        try:
            search = _Search(options, tools, directory, study, table, trainer)
            for round in (1, 2):
                search.propose(round)
                records = [r for r in study.records() if r["round"] <= round]
                best = measure_best(round, records, options, tools, directory, table, trainer)
                study.enqueue_neighbours([r["trial"] for r in best], NEIGHBOURS)
                results = collect(options, tools.dataset(), study.records(), directory)
                write_json(directory.results, results)
        finally:
            study.close()
    return results


class _Search:
    """One sweep's proposals, prices and trainings."""

    def __init__(self, options: SweepOptions, tools: Tools, directory: SweepDirectory, study: CandidateStudy,
                 table: CostTable, trainer: Trainer):
        self.options, self.tools, self.directory = options, tools, directory
        self.study, self.table, self.trainer = study, table, trainer
        self.configs = options.space.configs(options.board)
        # Only validation is seen here: the test part is replaced before a worker gets the data.
        self.dataset = tools.dataset().split_validation(options.seed)
        self._predict = BatchPredict(self.configs)
        self._digests: dict[str, str] = {}

    def propose(self, round: int) -> None:
        """Price pairs until the round has its number of different ones, training the promising as it goes."""
        quota = self.options.trials if round == 2 else max(1, math.floor(self.options.trials * ROUND_1_SHARE))
        barren = 0
        with tqdm(total=quota, desc=f"round {round}: pairs priced", file=sys.stderr, unit="pair") as bar:
            while True:
                known = {r["id"]: r for r in self.study.records() if "id" in r}
                bar.n = min(len(known), quota)
                bar.refresh()
                if len(known) >= quota:
                    return
                if barren == BARREN_GENERATIONS:
                    self.tools.log(f"round {round}: no new pair in {barren * GENERATION} proposals, "
                                   f"going on with {len(known)}")
                    return
                new = self._generation(round, known, min(GENERATION, quota - len(known)), bar)
                barren = 0 if new else barren + 1

    def _generation(self, round: int, known: dict[str, dict], size: int, bar: tqdm) -> int:
        """Ask for ``size`` proposals, price them, train some, tell the study of all; returns how many were new."""
        survivors: list[tuple[Trial, Pair, dict]] = []
        fresh: set[str] = set()
        for trial, proposal in self.study.ask(size):
            try:
                network = self.options.space.build(proposal)
                pair = solve(network, self.configs, self.options.board, proposal["share"], self._price)
            except CodesignError as e:
                self.study.tell_skipped(trial, {"round": round, "status": "impossible", "reason": str(e)}, 1.0)
                continue
            record = {**pair_record(pair, round), "trial": trial.number, "share": proposal["share"]}
            over = pair.price.cycles / self.options.space.max_cycles - 1
            known_record = known.get(record["id"])
            if over > 0:
                record |= {"status": "over budget", "reason": f"{pair.price.cycles:.0f} cycles, "
                           f"{self.options.space.max_cycles} allowed"}
                self.study.tell_skipped(trial, record, over)
            elif record["id"] in fresh or known_record is not None and known_record["status"] == "failed":
                self.study.tell_skipped(trial, {**record, "status": "duplicate"}, 0.0)
            else:
                survivors.append((trial, pair, record))
            if known_record is None:
                fresh.add(record["id"])
        self._train(survivors, len(known) + len(fresh), bar)
        return len(fresh)

    def _train(self, survivors: list[tuple[Trial, Pair, dict]], priced: int, bar: tqdm) -> None:
        """Train the most promising of ``survivors``, as many as keeps pace with the pairs ``priced``."""
        models = {p.name for p in self.directory.candidates.iterdir() if p.name.endswith("-search")}
        quota = math.ceil(self.options.trained * min(1, priced / self.options.trials)) - len(models)
        there = [s for s in survivors if self._path(s[1].network).exists()]
        others = [s for s in survivors if s not in there]
        chosen = [r["id"] for r in most_promising([record for _, _, record in others], quota)]
        training = there + [s for s in others if s[2]["id"] in chosen]
        for trial, _, record in survivors:
            if record["id"] not in {s[2]["id"] for s in training}:
                self.study.tell_skipped(trial, {**record, "status": "not trained"}, 0.0)
        jobs = {pair.network.digest(): Job(network=pair.network, dataset=self.dataset, path=self._path(pair.network),
                                           epochs=self.options.epochs, seed=self.options.seed)
                for _, pair, _ in training}
        for job, trained in self.trainer.run(list(jobs.values())):
            for trial, pair, record in training:
                if pair.network.digest() != job.network.digest():
                    continue
                if isinstance(trained, CodesignError):
                    self.study.tell_skipped(trial, {**record, "status": "failed", "reason": str(trained)}, 0.0)
                    continue
                record |= {"status": "trained", "accuracy": trained.accuracy, "model": f"candidates/{job.path.name}"}
                self.study.tell_trained(trial, record, accuracy=trained.accuracy, cycles=pair.price.cycles,
                                        lut=pair.resources.lut)
                bar.set_postfix_str(f"{record['id'][:6]} {trained.accuracy:.1%} valid., {pair.price.cycles:.0f} cycles")

    def _path(self, network: Network) -> Path:
        return self.directory.candidates / f"{network.digest()[:12]}-search"

    def _price(self, graph: Graph, config: AcceleratorConfig) -> Price:
        """From the table's rows where there are fresh ones, else from the model."""
        accelerator = config.digest()
        if accelerator not in self._digests and self.table.rows(accelerator=accelerator):
            self._digests[accelerator] = self.tools.verilog_digest(config)  # takes seconds: only where rows are
        return price(graph, config, predict=self._predict, board=self.options.board.name, table=self.table,
                     verilog_digest=self._digests.get(accelerator))
