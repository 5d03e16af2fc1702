"""The report of a sweep: one HTML file that carries its pictures and says where every number is from."""

import json
import os
import shlex
from pathlib import Path

import jinja2

from ..costs import CostTable, Row
from ..datasets import Dataset
from ..errors import CodesignError, require
from ..model import load_model
from ..search.directory import SweepDirectory
from ..search.finals import load_finals
from . import figures
from .text import front_rows, si

__all__ = ["load_results", "write_report"]

MISTAKES_SHOWN = 16


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
    candidates = {c["id"]: c for c in results["candidates"]}
    measured = [candidates[e["id"]] for e in results["front"] if "measured" in candidates[e["id"]]]
    require(bool(measured), f"Report must be of a sweep that has measured something, not {str(path)!r}")
    best = measured[0]
    answers = finals[best["id"]][0].logits.argmax(axis=1)
    wrong = (answers != dataset.test_labels).nonzero()[0]
    with CostTable(directory.costs, read_only=True) as table:
        rows = table.rows()
    used = {id for c in candidates.values() for id in c["price"]["rows"]}
    page = _environment().get_template("report.html.j2").render(
        results=results, counts=results["counts"], board=results["settings"]["board"], front=front_rows(results),
        best=best, measured=measured, command=command, dataset=dataset,
        rebuild=shlex.join(["codesign", "rebuild", str(path)]),
        priced_from_rows=[c for c in candidates.values() if c["price"]["rows"]],
        rows=[r for r in rows if r.id in used or r.key.operator == "network"], row_count=len(rows),
        stale={r.id for r in rows if _is_stale(r, candidates)}, wrong=len(wrong),
        pareto=figures.pareto(results),
        layers=figures.layer_cycles(best["measured"]["model_layers"], best["measured"]["layers"]),
        energy=figures.energy(_energies([candidates[e["id"]] for e in results["front"]]),
                              best["measured"]["energy"]["method"]),
        training=figures.training({c["id"][:8]: load_model(directory.path / c["measured"]["model"])[1].info["history"]
                                   for c in measured}),
        confusion=figures.confusion(dataset.test_labels, answers, dataset.classes),
        mistakes=figures.mistakes(dataset.test_images[wrong][:MISTAKES_SHOWN], [
            f"{dataset.classes[dataset.test_labels[i]]} read as {dataset.classes[answers[i]]}"
            for i in wrong[:MISTAKES_SHOWN]]) if len(wrong) else None)
    return _write(directory.report, page)


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
    environment.filters["si"] = si
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
