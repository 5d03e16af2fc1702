"""The end of a round: the best candidates, trained on all training data, run on the device; rows from the runs."""

import uuid

from ..accelerator import AcceleratorConfig
from ..costs import CostTable, Question
from ..costs.measurement import Measurement, measurement_rows
from ..cycles import predict
from ..errors import CodesignError
from ..model import load_model
from ..network import Network
from .directory import SweepDirectory
from .measurement import load_measurement, save_measurement, verify
from .options import SweepOptions, Tools
from .records import best_records
from .training import Job, Trainer

__all__ = ["load_finals", "measure_best"]


def measure_best(round: int, records: list[dict], options: SweepOptions, tools: Tools, directory: SweepDirectory,
                 table: CostTable, trainer: Trainer) -> list[dict]:
    """Train the best of ``records`` again, on validation images too, and measure them on all held-out images.

    Returns them. What was measured before is not measured again. Raises :class:`CodesignError` where a run's
    logits are not the reference's or its cycles, if simulated, not the model's.
    """
    finalists = best_records(records, options.finalists)
    best = [r for r in finalists if not (directory.measured / r["id"]).exists()]
    if not best:
        return finalists
    dataset = tools.dataset()
    images = dataset.test_images[:]
    tools.log(f"round {round}: training the best {len(best)} on all {len(dataset.train_images)} training images")
    jobs = [Job(network=Network.from_dict(r["network"]), dataset=dataset, epochs=options.final_epochs,
                seed=options.seed, path=directory.candidates / f"{r['network_digest'][:12]}-final") for r in best]
    for _, trained in trainer.run(jobs):
        if isinstance(trained, CodesignError):
            raise trained
    for record, job in zip(best, jobs, strict=True):
        network, integer = load_model(job.path)
        config = AcceleratorConfig.from_dict(record["accelerator"])
        tools.log(f"round {round}: running {record['id']} on {config.name}, {len(dataset.test_images)} images")
        try:
            measurement = tools.measure(network, integer, config, images)
            prediction = predict(network.graph(), config)
            verify(measurement, integer, images, prediction)
        except CodesignError as e:
            raise CodesignError(f"Candidate {record['id']} on {config.name}: {e}") from None
        rows = table.add(measurement_rows(measurement, network, config, options.board.name, prediction,
                                          run_id=uuid.uuid4().hex),
                         Question(network=network, accelerator=config, board=options.board.name))
        accuracy = float((measurement.logits.argmax(axis=1) == dataset.test_labels).mean())
        save_measurement(directory.measured / record["id"], measurement, {
            "id": record["id"], "round": round, "accuracy": accuracy, "rows": rows,
            "images": len(dataset.test_images), "model": f"candidates/{job.path.name}",
            "model_cycles": prediction.cycles,
            "model_layers": [[layer.name, layer.cycles] for layer in prediction.layers]})
        tools.log(f"round {round}: {record['id']} {accuracy:.2%} held-out, {measurement.cycles[0]} cycles, "
                  f"logits and cycles as predicted")
        if measurement.power_problem:
            tools.log(f"round {round}: {record['id']} power not measured: {measurement.power_problem}")
    return finalists


def load_finals(directory: SweepDirectory) -> dict[str, tuple[Measurement, dict]]:
    """All measurements of a sweep, by candidate: (measurement, what it is about)."""
    return {path.name: load_measurement(path) for path in sorted(directory.measured.iterdir())
            if not path.name.startswith(".")}
