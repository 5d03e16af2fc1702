"""The comparison as a picture."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...errors import CodesignError, require
from ...report.figures import BLUE, GREY, STYLE
from .comparison import BASELINE, Summary

__all__ = ["FORMATS", "draw"]

FORMATS = (".png", ".svg")


def draw(by_budget: Mapping[int, Mapping[str, Summary]], path: Path) -> None:
    """Means with their intervals, a panel for each budget, a row for each search; the baseline's as a line. Raises
    :class:`CodesignError` where ``path`` cannot be written."""
    require(path.suffix in FORMATS, f"Picture must be {' or '.join(FORMATS)}, not {path.name!r}")
    kinds = list(dict.fromkeys(kind for found in by_budget.values() for kind in found))
    with matplotlib.rc_context({**STYLE, "axes.grid.axis": "x"}):
        figure = Figure(figsize=(8.6, 0.7 + 0.28 * len(kinds)), layout="constrained")
        panels = figure.subplots(ncols=len(by_budget), sharex=True, sharey=True, squeeze=False)[0]
        for panel, (budget, found) in zip(panels, by_budget.items(), strict=True):
            _panel(panel, found, kinds)
            panel.set_title(f"{budget} trainings", fontsize=9)
        panels[0].set_yticks(range(len(kinds)), kinds)
        panels[0].invert_yaxis()
        figure.supxlabel("hypervolume, of the whole space's: mean and 95 % interval", fontsize=9)
        _write(figure, path)


def _panel(panel: Any, found: Mapping[str, Summary], kinds: list[str]) -> None:
    if BASELINE in found:
        panel.axvspan(*found[BASELINE].interval, color=GREY, alpha=0.15, linewidth=0)
        panel.axvline(found[BASELINE].mean, color=GREY, linewidth=0.8)
    for row, kind in enumerate(kinds):
        if kind in found:
            one = found[kind]
            colour = GREY if kind == BASELINE else BLUE
            panel.plot(one.interval, (row, row), color=colour, linewidth=1.6)
            panel.plot(one.mean, row, "o", color=colour, markersize=4)
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _write(figure: Figure, path: Path) -> None:
    """Whole or not at all."""
    data, kind = io.BytesIO(), path.suffix[1:]
    figure.savefig(data, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data.getvalue())
        os.replace(temporary, path)
    except OSError as e:
        raise CodesignError(f"Picture {str(path)!r} must be writable: {e.strerror or e}") from None
    finally:
        temporary.unlink(missing_ok=True)
