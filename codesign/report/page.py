"""The report of a sweep: one HTML file that carries its pictures and says where every number is from."""

import json
import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs import CostTable, Row
from ..datasets import Dataset
from ..energy import Joules
from ..errors import CodesignError, require
from ..goals import Goals
from ..model import load_model
from ..network import Network
from ..objectives import METRICS, TIME, Metric
from ..search.directory import SweepDirectory
from ..search.finals import load_finals
from ..units import ranges, si
from . import figures
from .bounds import CYCLES, LayerBound, layer_bars, layer_bounds, layer_name
from .importance import choice_importances
from .networks import draw_network
from .plots import Pair, agreement, front_plot, progress_plot
from .text import COLUMNS, columns, front_rows

__all__ = ["load_results", "write_report"]

MISTAKES_SHOWN = 16
SECTIONS = (("fronts", "fronts"), ("front", "table"), ("networks", "networks and layers"), ("agreement", "predicted"),
            ("importance", "importance"), ("best", "the best"), ("energy", "energy"), ("training", "training"),
            ("prices", "prices"), ("failures", "failures"), ("candidates", "all candidates"), ("again", "commands"))


def load_results(path: str | Path) -> dict:
    """A sweep directory's ``results.json``; raises :class:`CodesignError` where there is none."""
    file = SweepDirectory(Path(path)).results
    require(file.is_file(), f"Report must be of a sweep's directory with results.json, not {str(path)!r}")
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as e:
        raise CodesignError(f"Results {str(file)!r} must be readable: {e}") from None


def write_report(path: str | Path, dataset: Dataset, command: str = "") -> Path:
    """Write ``report.html`` for the sweep in ``path``; returns its path.

    dataset : whose held-out images were measured; command : what to type to get these results again
    """
    directory = SweepDirectory(Path(path))
    results = load_results(path)
    require(results["dataset"] == dataset.name and results["test_images"] == len(dataset.test_images),
            f"Report's data set must be the sweep's, {results['dataset']}, not {dataset.name}")
    finals = load_finals(directory)
    goals = Goals.of_settings(results["settings"])
    shown = columns(goals, (*COLUMNS, "params"))
    candidates = {c["id"]: c for c in results["candidates"]}
    measured = [candidates[e["id"]] for e in results["front"] if "measured" in candidates[e["id"]]]
    require(bool(measured), f"Report must be of a sweep that has measured something, not {str(path)!r}")
    best = measured[0]
    answers = finals[best["id"]][0].logits.argmax(axis=1)
    wrong = (answers != dataset.test_labels).nonzero()[0]
    with CostTable(directory.costs, read_only=True) as table:
        rows = table.rows()
    used = {id for c in candidates.values() for id in c["price"]["rows"]}
    own = {id for c in candidates.values() for id in c.get("measured", {}).get("rows", ())}
    page = _environment().get_template("report.html.j2").render(
        sections=[s for s in SECTIONS if s[0] != "failures" or results["failures"]],
        results=results, counts=results["counts"], board=results["settings"]["board"], goals=goals, columns=shown,
        front=front_rows(results, shown),
        best=best, measured=measured, command=command, dataset=dataset,
        rebuild=shlex.join(["codesign", "rebuild", str(path)]),
        priced_from_rows=[c for c in candidates.values() if c["price"]["rows"]],
        rows=[r for r in rows if r.id in used or r.id in own and r.key.operator == "network"], row_count=len(rows),
        stale={r.id for r in rows if _is_stale(r, candidates)}, wrong=len(wrong),
        tips={c["id"]: _tip(c) for c in candidates.values()},
        pareto=front_plot(results["candidates"], goals.cost, goals, wide=True),
        pareto_costs=[front_plot(results["candidates"], metric, goals) for metric in _drawn(goals)],
        progress=progress_plot(results), importances=choice_importances(results),
        chosen=[_chosen(c, results) for c in measured], spent=list(CYCLES.values()),
        agreements=_agreements(measured),
        energy=figures.energy(_energies([candidates[e["id"]] for e in results["front"]]),
                              best["measured"]["energy"]["method"]),
        training=figures.training({c["id"][:8]: load_model(directory.path / c["measured"]["model"])[1].info["history"]
                                   for c in measured}),
        confusion=figures.confusion(dataset.test_labels, answers, dataset.classes),
        mistakes=figures.mistakes(dataset.test_images[wrong][:MISTAKES_SHOWN], [
            f"{dataset.classes[dataset.test_labels[i]]} read as {dataset.classes[answers[i]]}"
            for i in wrong[:MISTAKES_SHOWN]]) if len(wrong) else None)
    return _write(directory.report, page)


def _drawn(goals: Goals) -> list[Metric]:
    """What accuracy is drawn against in the small plots: costs, time but once."""
    time = goals.cost if goals.cost in TIME else METRICS["cycles"]
    return [metric for metric in columns(goals) if metric is not goals.cost and (metric not in TIME or metric is time)]


def _tip(candidate: dict) -> str:
    """A candidate's words beside its points."""
    price, measured = candidate["price"], candidate.get("measured")
    lines = [f"{candidate['id'][:8]}: {candidate['status']}, round {candidate['round']}, trial {candidate['trial']}",
             candidate["summary"], candidate["accelerator"]["name"]]
    if "accuracy" in candidate:
        both = "".join(f", {accuracy:.2%}" for accuracy in candidate.get("accuracies", ()))
        lines.append(f"{candidate['accuracy']:.2%} of validation images" + (f" (mean of {both[2:]})" if both else ""))
    lines.append(f"{price['cycles']:,.0f} cycles (price by {price['method']}), "
                 f"{si(price['cycles'] / candidate['accelerator']['clock_hz'], 's')}")
    if measured:
        lines += [f"{measured['accuracy']:.2%} of held-out images ({measured['method']})",
                  f"{measured['cycles']:,.0f} cycles ({measured['method']})"]
    energy, resources = (measured or candidate)["energy"], candidate["resources"]
    lines.append(f"{si(energy['total_j'], 'J')} ({energy['method']}); {resources['lut']:,} LUT, "
                 f"{resources['dsp']} DSP, {resources['bram18']} BRAM18 (estimate)")
    return "\n".join(lines)


@dataclass(frozen=True)
class _Fitted:
    """Joules of each event as a sweep's results have them; see :class:`~codesign.energy.Joules`."""

    power: Mapping

    @property
    def method(self) -> str:
        return self.power["method"]

    def __getitem__(self, event: str) -> float:
        return self.power["coefficients"][event]["value"]


def _chosen(candidate: dict, results: dict) -> dict:
    """A measured candidate's network as a picture, and its layers against their bounds."""
    graph, power = Network.from_dict(candidate["network"]).graph(), results.get("power")
    joules: Joules | None = _Fitted(power) if power else None
    layers = layer_bounds(graph, AcceleratorConfig.from_dict(candidate["accelerator"]),
                          Board.from_dict(results["settings"]["board"]), joules)
    return {"candidate": candidate, "tiles": [tile.picture for tile in draw_network(graph)],
            "layers": [(b, device) for b, device in zip(layers, _device_cycles(candidate, layers), strict=True)],
            "components": [name for name in layers[0].joules if name != "static"],
            "stale": sum(sum(b.cycles.values()) for b in layers) != candidate["measured"]["model_cycles"],
            "cycles": layer_bars(layers, "cycles"), "energy": layer_bars(layers, "joules")}


def _device_cycles(candidate: dict, layers: Sequence[LayerBound]) -> list[int | None]:
    """What the device counted for each of ``layers``; None where it named them otherwise."""
    counted: Counter = Counter()
    for name, cycles in candidate["measured"]["layers"]:
        counted[layer_name(name)] += cycles
    return [counted.get(layer.name) for layer in layers]


def _agreements(measured: Sequence[dict]) -> list[dict]:
    """Prices against measured cycles, of images and of layers, by method: a picture each, and the farthest apart."""
    found = []
    for method in sorted({c["measured"]["method"] for c in measured}):
        of = [c for c in measured if c["measured"]["method"] == method]
        images = [Pair(id=c["id"], label=f"{c['id'][:8]}: {c['price']['cycles']:,.0f} predicted, "
                       f"{c['measured']['cycles']:,.0f} {method}", predicted=c["price"]["cycles"],
                       measured=c["measured"]["cycles"], low=c["price"].get("low"), high=c["price"].get("high"))
                  for c in of]
        layers = [Pair(id=c["id"], label=f"{c['id'][:8]} {name}: {model:,} by the model, {cycles:,} {method}",
                       predicted=model, measured=cycles)
                  for c in of for (name, model), (_, cycles) in zip(
                      c["measured"]["model_layers"], c["measured"]["layers"], strict=False)]
        found += [{"method": method, "what": what, "count": len(pairs), "plot": agreement(pairs, what, method),
                   "worst": max(abs(p.predicted / p.measured - 1) for p in pairs)}
                  for what, pairs in (("cycles of an image", images), ("cycles of a layer", layers)) if pairs]
    return found


def _energies(front: list[dict]) -> dict[str, dict[str, float]]:
    """Joules by component of each of ``front``, named by where its counters are from."""
    return {f"{c['id'][:8]} ({c['measured']['method'] if 'measured' in c else 'model'})":
            c.get("measured", c)["energy"]["components_j"] for c in front}


def _is_stale(row: Row, candidates: dict[str, dict]) -> bool:
    """Whether a newer run of the same accelerator in this sweep had other Verilog."""
    today = {c["accelerator_digest"]: c["measured"]["verilog_digest"] for c in candidates.values() if "measured" in c}
    return row.verilog_digest != today.get(row.key.accelerator, row.verilog_digest)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("codesign.report", "."), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"si": si, "ranges": ranges}
    environment.filters["percent"] = lambda v: f"{v:.2%}"
    environment.filters["count"] = lambda v: f"{v:,.0f}"
    return environment


def _write(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text)
        os.replace(temporary, path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise CodesignError(f"Report {str(path)!r} must be writable: {e.strerror or e}") from None
    return path
