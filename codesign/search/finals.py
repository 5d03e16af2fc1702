"""The end of a round: the best candidates, trained on all training data, run on the device; rows from the runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..accelerator import AcceleratorConfig
from ..costs import CostTable, Question
from ..costs.measurement import Measurement, measurement_rows
from ..costs.pricing import Prediction
from ..cycles import predict
from ..datasets import Dataset
from ..model import load_model, model_digest
from ..network import Network
from ..pool import Failure, Task
from .directory import SweepDirectory
from .measurement import load_measurement, save_measurement
from .options import SweepOptions, Tools
from .records import best_records
from .runner import Runner
from .tracker import Tracker
from .training import Job, measure_model
from .trials import TrialDatabase
from .validation import Validation

__all__ = ["Finals", "load_finals"]


class Finals:
    """The measurements of the sweep ``name``."""

    def __init__(self, options: SweepOptions, tools: Tools, directory: SweepDirectory, database: TrialDatabase,
                 table: CostTable, runner: Runner, dataset: Dataset, name: str, tracker: Tracker,
                 validation: Validation):
        self.tracker, self.validation, self.inheritance = tracker, validation, validation.inheritance
        self.options, self.tools, self.directory, self.database = options, tools, directory, database
        self.table, self.runner, self.dataset, self.name = table, runner, dataset, name

    def measure_best(self, round: int) -> list[dict]:
        """Train the best networks, validated twice, once more on validation images too, and measure them on all
        held-out images, on each accelerator that :func:`~codesign.search.records.best_records` says. With an
        inheritance nothing is trained: only statistics are of validation images, too.

        Returns them. What was measured before is not measured again; what cannot be trained or measured makes room for
        the next best.
        """
        while True:
            self.validation.confirm(round)
            finalists = best_records(self.validation.records(round), self.options.finalists, self.options.goals)
            missing = [r for r in finalists if not (self.directory.measured / r["id"]).exists()]
            if not missing:
                return finalists
            self._measure(round, self._train(round, missing))

    def _train(self, round: int, records: Sequence[dict]) -> list[dict]:
        """Train; returns those of ``records`` for which that went well."""
        by_path = {self._path(r): Job(network=Network.from_dict(r["network"]), epochs=self.options.final_epochs,
                                      all_data=True, seed=self.options.seed, path=self._path(r),
                                      inheritance=self.inheritance) for r in records}
        jobs = list(by_path.values())
        failed = set()
        doing = "training the best" if self.inheritance is None else "fitting the statistics of the best"
        self.tracker.tell(round, doing, final_trainings=len(jobs),
                          latest=f"{len(jobs)} on all {len(self.dataset.train_images):,} training images")
        for done, (job, answer) in enumerate(self.runner.train(jobs, self.dataset), 1):
            for record in records:
                if isinstance(answer, Failure) and self._path(record) == job.path:
                    self._fail(round, record, "final training", answer)
                    failed.add(record["id"])
            self.tracker.tell(round, doing, final_trainings=len(jobs) - done)
        return [r for r in records if r["id"] not in failed]

    def _measure(self, round: int, records: Sequence[dict]) -> None:
        tasks = {}
        for record in records:
            network, integer = load_model(self._path(record))
            config = AcceleratorConfig.from_dict(record["accelerator"])
            arguments = network, integer, config, predict(network.graph(), config)
            tasks[Task(function=measure_model, arguments=arguments, limit_s=self.options.measure_limit_s)] = record
        if tasks:
            self.tracker.tell(round, "measuring", final_trainings=0,
                              latest=f"{', '.join(r['id'][:8] for r in records)}: {len(self.dataset.test_images):,} "
                                     "images each")

        def name(task: Task) -> str:
            return f"Candidate {tasks[task]['id']} on {tasks[task]['accelerator']['name']}"

        answers = self.runner.run(list(tasks), name, self.tools.devices)
        for task, answer in _in_order(list(tasks), answers):
            if isinstance(answer, Failure):
                self._fail(round, tasks[task], "measurement", answer)
            else:
                self._keep(round, tasks[task], answer, *task.arguments)
            self.tracker.tell(round, "measuring", final_trainings=0)

    def _keep(self, round: int, record: dict, measurement: Measurement, network: Network, integer: Any,
              config: AcceleratorConfig, prediction: Prediction) -> None:
        """Store rows, then the measurement: a kill in between stores the latter alone the next time."""
        board, run_id = self.options.board.name, f"{self.name}/{record['id']}"
        rows = [row.id for row in self.table.rows(accelerator=config.digest()) if row.run_id == run_id]
        rows = rows or list(self.table.add(
            measurement_rows(measurement, network, config, board, prediction, run_id=run_id),
            Question(network=network, accelerator=config, board=board)))
        accuracy = float((measurement.logits.argmax(axis=1) == self.dataset.test_labels).mean())
        save_measurement(self.directory.measured / record["id"], measurement, {
            "id": record["id"], "round": round, "accuracy": accuracy, "rows": rows,
            "images": len(self.dataset.test_images), "model": f"candidates/{self._path(record).name}",
            "model_digest": model_digest(integer), "model_cycles": prediction.cycles,
            "model_layers": [[layer.name, layer.cycles] for layer in prediction.layers]})
        self.tools.log(f"round {round}: {record['id']} {accuracy:.2%} held-out, {measurement.cycles[0]} cycles, "
                       f"logits and cycles as predicted")
        if measurement.power_problem:
            self.tools.log(f"round {round}: {record['id']} power not measured: {measurement.power_problem}")

    def _fail(self, round: int, record: dict, what: str, failure: Failure) -> None:
        self.database.fail_final(record["id"], {"what": what, "kind": failure.kind, "reason": failure.reason})
        self.tools.log(f"round {round}: {record['id']}, {what}: {failure.reason}")

    def _path(self, record: dict) -> Path:
        return self.directory.candidates / f"{record['network_digest'][:12]}-final"


def _in_order(tasks: Sequence[Task], answers: Iterator[tuple[Task, Any]]) -> Iterator[tuple[Task, Any]]:
    """``answers`` in the order of ``tasks``, each as soon as that allows: rows are numbered alike whoever is first."""
    there: dict[Task, Any] = {}
    left = list(tasks)
    for task, answer in answers:
        there[task] = answer
        while left and left[0] in there:
            yield left[0], there[left.pop(0)]


def load_finals(directory: SweepDirectory) -> dict[str, tuple[Measurement, dict]]:
    """All measurements of a sweep, by candidate: (measurement, what it is about)."""
    return {path.name: load_measurement(path) for path in sorted(directory.measured.iterdir())
            if not path.name.startswith(".")}
