"""The report's pictures, as SVG or PNG data that goes into the page."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..units import si

__all__ = ["confusion", "energy", "mistakes", "training"]

INK, GREY, PALE = "#1f2933", "#8795a1", "#dde3e9"
BLUE, ORANGE, GREEN = "#2f6fb0", "#d9730d", "#2a8c6a"
PARTS = ("#2f6fb0", "#123f6d", "#7fb2dc", "#2a8c6a", "#a3cf9f", "#d9730d", "#8795a1", "#dde3e9")
STYLE: dict[Any, Any] = {"font.family": "sans-serif", "font.size": 9, "axes.edgecolor": GREY, "axes.labelcolor": INK,
         "xtick.color": INK, "ytick.color": INK, "text.color": INK, "axes.spines.top": False,
         "axes.spines.right": False, "axes.grid": True, "grid.color": PALE, "grid.linewidth": 0.6,
         "axes.axisbelow": True, "svg.hashsalt": "codesign", "legend.frameon": False}


def _figure(width: float, height: float, **grid) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(**grid))


def _data(figure: Figure, kind: str = "svg") -> str:
    """The figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    media = {"svg": "svg+xml", "png": "png"}[kind]
    return f"data:image/{media};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def energy(breakdowns: Mapping[str, Mapping[str, float]], method: str) -> str:
    """Energy of one image, a bar per candidate: dynamic by component, and beside it dynamic and static together, which
    may be much more. ``method`` is what it is by."""
    names = [name for name in next(iter(breakdowns.values())) if name != "static"]
    dynamic = {name: [b[name] for b in breakdowns.values()] for name in names}
    whole = {"dynamic": [sum(b[name] for name in names) for b in breakdowns.values()],
             "static": [b["static"] for b in breakdowns.values()]}
    with matplotlib.rc_context({**STYLE, "axes.grid.axis": "x"}):
        figure, axes = _figure(8.2, 1.8 + 0.32 * len(breakdowns), ncols=2, sharey=True)
        for ax, parts, colours, title in zip(axes, (dynamic, whole), (PARTS, (BLUE, PALE)),
                                             ("dynamic energy", "energy"), strict=True):
            _stack(ax, parts, colours)
            ax.set_xlabel(f"{title} of one image ({method})")
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, ncols=4)
        axes[0].set_yticks(np.arange(len(breakdowns)), list(breakdowns))
        axes[0].invert_yaxis()
        return _data(figure)


def _stack(ax: Axes, parts: Mapping[str, Sequence[float]], colours: Sequence[str]) -> None:
    """Horizontal bars of joules, their parts one after another and their sums at the end."""
    left = np.zeros(len(next(iter(parts.values()))))
    for (part, values), colour in zip(parts.items(), colours, strict=False):
        ax.barh(np.arange(len(left)), values, 0.6, left=left, color=colour, label=part)
        left += values
    for i, total in enumerate(left):
        ax.text(total, i, f"  {si(total, 'J')}", va="center", fontsize=8)
    ax.margins(x=0.2)
    ax.xaxis.set_major_formatter(lambda v, _: si(v, "J", digits=2))


def training(histories: Mapping[str, Sequence[Mapping]]) -> str:
    """Training loss and accuracy by epoch, a line per model."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(8.2, 2.9, ncols=2)
        for name, history in histories.items():
            for ax, key in zip(axes, ("loss", "train_accuracy"), strict=True):
                points = [(h["epoch"], h[key]) for h in history if key in h]
                if points:
                    ax.plot(*zip(*points, strict=True), linewidth=1.2, label=name)
        for ax, label in zip(axes, ("loss", "accuracy on training images"), strict=True):
            ax.set_xlabel("epoch")
            ax.set_ylabel(label)
        axes[0].set_yscale("log")
        axes[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axes[1].legend(fontsize=8)
        return _data(figure)


def confusion(labels: np.ndarray, answers: np.ndarray, classes: Sequence[str]) -> str:
    """Counts of (true class, answer); the diagonal is right."""
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, answers), 1)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure, (ax,) = _figure(4.2, 4.0)
        shown = counts.astype(float)
        np.fill_diagonal(shown, 0)
        ax.imshow(shown, cmap="Oranges", vmin=0, vmax=max(3, shown.max()))
        if len(classes) <= 20:
            for (i, j), n in np.ndenumerate(counts):
                if n:
                    ax.text(j, i, str(n), ha="center", va="center", fontsize=8, color=GREY if i == j else INK,
                            fontweight="normal" if i == j else "bold")
            ax.set_xticks(range(len(classes)), classes)
            ax.set_yticks(range(len(classes)), classes)
        ax.set_xlabel("the device's answer")
        ax.set_ylabel("true class")
        return _data(figure)


def mistakes(images: np.ndarray, captions: Sequence[str]) -> str:
    """Pictures (uint8, N x C x H x W) with a caption each."""
    columns = min(8, len(images))
    rows = -(-len(images) // columns)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = _figure(1.0 * columns, 1.3 * rows, nrows=rows, ncols=columns)
        cells: list[Axes] = list(np.ravel(axes))
        for ax in cells:
            ax.set_axis_off()
        for ax, image, caption in zip(cells, images, captions, strict=False):
            picture = image[0] if len(image) == 1 else image[:3].transpose(1, 2, 0)
            ax.imshow(picture, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
            ax.set_title(caption, fontsize=8)
        return _data(figure, "png")
