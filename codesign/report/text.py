"""Results as text: the table for the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ..goals import Goals
from ..objectives import METRICS, Metric
from ..search.records import as_measured
from ..units import si

__all__ = ["COLUMNS", "columns", "front_rows", "text_table"]

REASONS = 5  # shown
#: Columns of every table.
COLUMNS = ("cycles", "fps", "energy-uj", "luts", "dsps", "bram18")


def columns(goals: Goals, always: Sequence[str] = COLUMNS) -> list[Metric]:
    """The metrics to tell of each candidate besides accuracy: ``always``, and what else was wanted."""
    wanted = {metric.name for metric in (*goals.objectives, *(c.metric for c in goals.constraints))}
    return [metric for metric in METRICS.values() if not metric.trained and metric.name in {*always, *wanted}]


def front_rows(results: Mapping, shown: Sequence[Metric]) -> list[dict]:
    """One mapping per line of the front's table: measured figures where there are any, else the cost model's.

    Keys: id, on_front, misses, method, held_out (None if not measured), validation, accelerator, summary, and of
    ``shown`` the ``figures`` by name.
    """
    candidates = {c["id"]: c for c in results["candidates"]}
    rows = []
    for entry in results["front"]:
        c = candidates[entry["id"]]
        measured, known = c.get("measured"), as_measured(c)
        rows.append({
            "id": c["id"], "on_front": entry["on_front"], "misses": entry.get("misses", []),
            "method": measured["method"] if measured else _priced(c["price"]),
            "held_out": measured["accuracy"] if measured else None, "validation": c["accuracy"],
            "accelerator": c["accelerator"]["name"], "summary": c["summary"],
            "figures": {metric.name: metric.of(known) for metric in shown}})
    return rows


def _priced(price: Mapping) -> str:
    """What a price that is not measured rests on: the model, corrected by a board's rows or not."""
    return next((source for source in price.get("mix", ()) if source.startswith("model corrected")), "model")


def text_table(results: Mapping) -> str:
    """The Pareto front and what was measured, for a terminal."""
    goals = Goals.of_settings(results["settings"])
    shown = columns(goals)
    lines: list[Sequence[str]] = [("candidate", "held-out", "validation", *(
        metric.heading + " *" * metric.estimate for metric in shown), "accelerator", "network")]
    for row in front_rows(results, shown):
        mark = f" (misses {', '.join(row['misses'])})" if row["misses"] else "" if row["on_front"] else " (off)"
        held_out = f"{row['held_out']:.2%}" if row["held_out"] is not None else "-"
        figures = [metric.number(row["figures"][metric.name]) + f" {row['method']}" * (metric.name == "cycles")
                   for metric in shown]
        lines.append((row["id"][:8] + mark, held_out, f"{row['validation']:.2%}", *figures, row["accelerator"],
                      row["summary"]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    clock_hz = results["settings"]["board"]["clock_hz"]  # all candidates share it
    missed = ""
    if any(entry.get("misses") for entry in results["front"]):
        missed = "\n(misses): a constraint, by what the search saw or by what was measured."
    return "\n".join(text) + f"""

{goals.words()}
held-out: {results["test_images"]} images never seen by the search, as computed by the device; validation: a part of the
training images, of what is measured the mean over two parts, with a training for each. cycles: of one
image, from the device or the cost model; images/s at {si(clock_hz, "Hz")}.
* estimates, not measurements. (off): measured, but not on the front.""" + missed + _failures(results)


def _failures(results: Mapping) -> str:
    """How many trainings and measurements failed, and the reasons, the commonest first."""
    reasons = Counter(f"{f['what']}: {f['reason']}" for f in results["failures"])
    if not reasons:
        return ""
    return f"\n\nfailed: {reasons.total()}" + "".join(f"\n  {n} x {text}" for text, n in reasons.most_common(REASONS))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Texts to the left, numbers to the right."""
    left = (0, len(widths) - 2, len(widths) - 1)
    return "  ".join(c.ljust(w) if i in left else c.rjust(w)
                     for i, (c, w) in enumerate(zip(cells, widths, strict=True))).rstrip()
