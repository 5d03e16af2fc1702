"""The page's plots: fronts, the search's progress, and what was predicted against what was measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..goals import Goals
from ..objectives import Metric
from ..search.hypervolume import hypervolume
from ..search.pareto import pareto_front
from ..search.records import as_measured
from .svg import Axis, axis, element, frame, tick

__all__ = ["Pair", "agreement", "front_plot", "progress", "progress_plot"]

WIDE, NARROW = (960, 430), (480, 330)
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 12, 44
SHOWN = 0.9  # the share of the trained that the accuracy axis must show; what is worse lies on its lower edge


def _percent(value: float) -> str:
    return f"{100 * value:.4g}%"


def _axes(size: tuple[int, int], x: Sequence[float], y: Sequence[float], x_label: str, y_label: str, *,
          logs: tuple[bool, bool] = (False, False),
          units: tuple[Callable, Callable] = (tick, tick)) -> tuple[Axis, Axis]:
    width, height = size
    return (axis(x, LEFT, width - RIGHT, x_label, log=logs[0], written=units[0]),
            axis(y, height - BOTTOM, TOP, y_label, log=logs[1], written=units[1]))


def front_plot(candidates: Sequence[Mapping], cost: Metric, goals: Goals, *, wide: bool = False) -> Markup:
    """Accuracy against ``cost``: the trained (on validation images), their front, the measured (on held-out ones), and
    where ``wide`` those only priced, as ticks below; lines where ``goals`` bound them."""
    trained = [c for c in candidates if c["status"] == "trained"]
    measured = [c for c in trained if "measured" in c]
    priced = [c for c in candidates if c["status"] != "trained"] if wide else []
    right = sorted(c["accuracy"] for c in trained)
    low = right[int((1 - SHOWN) * len(right))]
    shown = [a for a in (*right, *(c["measured"]["accuracy"] for c in measured)) if a >= low]
    size, written = WIDE if wide else NARROW, _percent if cost.most == 1 else tick
    x, y = _axes(size, [cost.of(as_measured(c)) for c in (*trained, *priced)], shown, cost.label, "accuracy",
                 logs=(cost.log, False), units=(written, _percent))
    y = Axis(low=y.low, high=min(y.high, 1 + 0.04 * (1 - y.low)), start=y.start, end=y.end, label=y.label,
             written=y.written)
    met = [c for c in trained if not goals.missed(c, trained=True)]
    front = sorted(pareto_front(met, lambda c: (-c["accuracy"], cost.loss(c))), key=cost.loss)
    end = x.start if cost.maximize else x.end
    marks = [_step([(x.at(cost.of(c)), y.at(c["accuracy"])) for c in front], end)] if front else []
    marks += _bounds(goals, cost, x, y)
    marks += [element("line", x1=x.at(cost.of(c)), x2=x.at(cost.of(c)), y1=y.start - 7, y2=y.start, class_="priced",
                      data_id=c["id"]) for c in priced]
    ids = {c["id"] for c in front}
    marks += [_circle(x.at(cost.of(c)), y.at(c["accuracy"]), c["id"], f"trained round{c['round']}",
                      f"{c['id'][:8]}: {_percent(c['accuracy'])} of validation images, {written(cost.of(c))} "
                      f"{cost.label}" if c["id"] in ids else None) for c in trained]
    marks += [_star(x.at(cost.of(as_measured(c))), y.at(c["measured"]["accuracy"]), c["id"],
                    f"{c['id'][:8]}: {_percent(c['measured']['accuracy'])} of held-out images, "
                    f"{written(cost.of(as_measured(c)))} {cost.label}, {c['measured']['method']}") for c in measured]
    return frame(f"Accuracy against {cost.label}: {len(trained)} trained candidates, {len(front)} on the front, "
                 f"{len(measured)} measured", size, x, y, marks)


def _bounds(goals: Goals, cost: Metric, x: Axis, y: Axis) -> list[Markup]:
    """Lines at the constraints on accuracy and ``cost``, where they are within the plot."""
    marks = []
    for constraint in goals.constraints:
        if constraint.metric is cost and x.low < constraint.bound < x.high:
            at = x.at(constraint.bound)
            marks += [element("line", x1=at, x2=at, y1=y.start, y2=y.end, class_="limit"),
                      element("text", constraint.words(), x=at + 4, y=y.end + 10, class_="limit")]
        if constraint.metric.name == "accuracy" and y.low < constraint.bound < y.high:
            at = y.at(constraint.bound)
            marks += [element("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="limit"),
                      element("text", constraint.words(), x=x.start + 4, y=at - 4, class_="limit")]
    return marks


def _step(points: Sequence[tuple[float, float]], end: float) -> Markup:
    path = "M" + "".join(f"{'H' if n else ''}{px:.1f}{'V' if n else ','}{py:.1f}" for n, (px, py) in enumerate(points))
    return element("path", d=f"{path}H{end:.1f}", class_="front")


def _circle(x: float, y: float, id: str, kind: str, label: str | None = None) -> Markup:
    """A point that the page's script tells about; with a ``label`` it can be reached by the keyboard."""
    reach: dict[str, object] = {"tabindex": 0, "role": "img", "aria_label": label} if label else {}
    return element("circle", cx=x, cy=y, r=5, class_=kind, data_id=id, **reach)


def _star(x: float, y: float, id: str, label: str) -> Markup:
    path = "M0-9 2.6-2.8 9-2.8 4 1.4 5.6 8 0 4.2-5.6 8-4 1.4-9-2.8-2.6-2.8Z"
    return element("path", d=path, transform=f"translate({x:.1f} {y:.1f})", class_="measured", data_id=id, tabindex=0,
                   role="img", aria_label=label)


def progress(results: Mapping) -> list[tuple[int, float]]:
    """(trial, share of the box that the front dominated by then) wherever it grew. The box: what is to be large from 0
    to 1 (accuracy) or to the largest trained; what is to be small from 0 to its constraint, if there is one, or to what
    the space allows of the board's, or to the largest trained."""
    goals = Goals.of_settings(results["settings"])
    trained = [c for c in results["candidates"] if c["status"] == "trained" and not goals.missed(c, trained=True)]
    if not trained:
        return [(0, 0.0)]
    scales = [_scale(metric, results["settings"], goals, trained) for metric in goals.objectives]
    reference = tuple(0.0 if metric.maximize else 1.0 for metric in goals.objectives)
    front: list[tuple[float, ...]] = []
    found = [(0, 0.0)]
    for c in sorted(trained, key=lambda c: c["trial"]):
        point = tuple(loss / scale for loss, scale in zip(goals.losses(c), scales, strict=True))
        if any(all(a <= b for a, b in zip(p, point, strict=True)) for p in front):
            continue
        front = pareto_front([*front, point], lambda p: p)
        found.append((c["trial"], hypervolume(front, reference)))
    return found


def _scale(metric: Metric, settings: Mapping, goals: Goals, trained: Sequence[Mapping]) -> float:
    """The length of the box along ``metric``."""
    bounds = {c.metric.name: c.bound for c in goals.constraints if not c.metric.maximize}
    if metric.name in bounds:
        return bounds[metric.name]
    if metric.most == 1:
        return 1.0
    if metric.name in settings["board"]:
        return settings["board"][metric.name] * max(settings["space"]["share"])
    return max(metric.of(c) for c in trained)


def progress_plot(results: Mapping) -> Markup:
    """The front's hypervolume over the trials."""
    points = progress(results)
    last = max(c["trial"] for c in results["candidates"])
    x, y = _axes(NARROW, [0, last], [v for _, v in points[1:]] or [0.0], "trial", "hypervolume (share of the box)",
                 units=(lambda v: f"{v:.0f}", lambda v: f"{v:.4g}"))
    return frame(f"Hypervolume of the front over {last + 1} trials, {points[-1][1]:.4f} at the end", NARROW, x, y,
                 [_step([(x.at(t), y.at(v)) for t, v in points], x.at(last))])


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A number predicted, with its interval where it has one, and measured."""

    id: str
    label: str
    predicted: float
    measured: float
    low: float | None = None
    high: float | None = None


def agreement(pairs: Sequence[Pair], label: str, method: str) -> Markup:
    """Predicted against measured, with the line where they are equal and the predictions' intervals."""
    numbers = [v for p in pairs for v in (p.predicted, p.measured, p.low, p.high) if v is not None]
    x, y = _axes(NARROW, numbers, numbers, f"{label}, {method}", f"{label}, predicted", logs=(True, True))
    low, high = max(x.low, y.low), min(x.high, y.high)
    marks = [element("line", x1=x.at(low), x2=x.at(high), y1=y.at(low), y2=y.at(high), class_="equal")]
    for p in pairs:
        at = x.at(p.measured)
        if p.low is not None and p.high is not None:
            marks.append(element("line", x1=at, x2=at, y1=y.at(p.low), y2=y.at(p.high), class_="interval"))
        marks.append(element("circle", element("title", p.label), cx=at, cy=y.at(p.predicted), r=4.5, class_="pair",
                             data_id=p.id))
    return frame(f"{label.capitalize()}, predicted against {method}: {len(pairs)} points, and y = x", NARROW, x, y,
                 marks)
