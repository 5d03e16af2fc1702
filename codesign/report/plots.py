"""The page's plots: fronts, the search's progress, and what was predicted against what was measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from ..search.hypervolume import hypervolume
from ..search.objectives import losses
from ..search.pareto import pareto_front
from .svg import Axis, axis, element, frame, tick

__all__ = ["COSTS", "Cost", "Pair", "agreement", "front_plot", "progress", "progress_plot"]

WIDE, NARROW = (960, 430), (480, 330)
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 12, 44
SHOWN = 0.9  # the share of the trained that the accuracy axis must show; what is worse lies on its lower edge


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A cost of a candidate to draw accuracy against: ``of`` (the candidate, measured or priced) is that number."""

    name: str
    label: str
    of: Callable[[Mapping], float]
    log: bool = True


def _run(candidate: Mapping) -> Mapping:
    """What is known best of a candidate: what a device counted, or its price."""
    return candidate.get("measured", candidate)


COSTS = (
    Cost(name="cycles", label="cycles an image", of=lambda c: c.get("measured", c["price"])["cycles"]),
    Cost(name="energy", label="energy an image", of=lambda c: _run(c)["energy"]["total_j"]),
    Cost(name="LUT", label="LUTs (estimate)", of=lambda c: c["resources"]["lut"], log=False),
    Cost(name="DSP", label="DSPs (estimate)", of=lambda c: c["resources"]["dsp"], log=False),
    Cost(name="BRAM", label="BRAM18 (estimate)", of=lambda c: c["resources"]["bram18"], log=False),
)


def _percent(value: float) -> str:
    return f"{100 * value:.4g}%"


def _axes(size: tuple[int, int], x: Sequence[float], y: Sequence[float], x_label: str, y_label: str, *,
          logs: tuple[bool, bool] = (False, False),
          units: tuple[Callable, Callable] = (tick, tick)) -> tuple[Axis, Axis]:
    width, height = size
    return (axis(x, LEFT, width - RIGHT, x_label, log=logs[0], written=units[0]),
            axis(y, height - BOTTOM, TOP, y_label, log=logs[1], written=units[1]))


def front_plot(candidates: Sequence[Mapping], cost: Cost, *, wide: bool = False, limit: float | None = None) -> Markup:
    """Accuracy against ``cost``: the trained (on validation images), their front, the measured (on held-out ones), and
    where ``wide`` those only priced, as ticks below. ``limit`` : the budget."""
    trained = [c for c in candidates if c["status"] == "trained"]
    measured = [c for c in trained if "measured" in c]
    priced = [c for c in candidates if c["status"] != "trained"] if wide else []
    right = sorted(c["accuracy"] for c in trained)
    low = right[int((1 - SHOWN) * len(right))]
    shown = [a for a in (*right, *(c["measured"]["accuracy"] for c in measured)) if a >= low]
    size = WIDE if wide else NARROW
    unit = partial(tick, unit="J" if cost.name == "energy" else "")
    x, y = _axes(size, [cost.of(c) for c in (*trained, *priced)], shown, cost.label, "accuracy",
                 logs=(cost.log, False), units=(unit, _percent))
    y = Axis(low=y.low, high=min(y.high, 1 + 0.04 * (1 - y.low)), start=y.start, end=y.end, label=y.label,
             written=y.written)
    front = sorted(pareto_front(trained, lambda c: (-c["accuracy"], _priced(cost, c))), key=lambda c: _priced(cost, c))
    marks = [_step([(x.at(_priced(cost, c)), y.at(c["accuracy"])) for c in front], x.end)]
    if limit is not None and x.low < limit < x.high:
        at = x.at(limit)
        marks += [element("line", x1=at, x2=at, y1=y.start, y2=y.end, class_="limit"),
                  element("text", "budget", x=at + 4, y=y.end + 10, class_="limit")]
    marks += [element("line", x1=x.at(cost.of(c)), x2=x.at(cost.of(c)), y1=y.start - 7, y2=y.start, class_="priced",
                      data_id=c["id"]) for c in priced]
    ids = {c["id"] for c in front}
    marks += [_circle(x.at(_priced(cost, c)), y.at(c["accuracy"]), c["id"], f"trained round{c['round']}",
                      f"{c['id'][:8]}: {_percent(c['accuracy'])} of validation images, {unit(_priced(cost, c))} "
                      f"{cost.label}" if c["id"] in ids else None) for c in trained]
    marks += [_star(x.at(cost.of(c)), y.at(c["measured"]["accuracy"]), c["id"],
                    f"{c['id'][:8]}: {_percent(c['measured']['accuracy'])} of held-out images, {unit(cost.of(c))} "
                    f"{cost.label}, {c['measured']['method']}") for c in measured]
    return frame(f"Accuracy against {cost.label}: {len(trained)} trained candidates, {len(front)} on the front, "
                 f"{len(measured)} measured", size, x, y, marks)


def _priced(cost: Cost, candidate: Mapping) -> float:
    """The cost of a candidate as the search knew it."""
    return cost.of({key: value for key, value in candidate.items() if key != "measured"})


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
    """(trial, share of the box that the front dominated by then) wherever it grew. The box: accuracy from 0 to 1,
    cycles up to the budget, LUTs up to what the space allows of the board's."""
    space, board = results["settings"]["space"], results["settings"]["board"]
    budget, luts = space["budget"]["cycles"], board["luts"] * max(space["share"])
    front: list[tuple[float, ...]] = []
    found = [(0, 0.0)]
    for c in sorted((c for c in results["candidates"] if c["status"] == "trained"), key=lambda c: c["trial"]):
        accuracy, cycles, lut = losses(c)
        point = accuracy, cycles / budget, lut / luts
        if any(all(a <= b for a, b in zip(p, point, strict=True)) for p in front):
            continue
        front = pareto_front([*front, point], lambda p: p)
        found.append((c["trial"], hypervolume(front, (0.0, 1.0, 1.0))))
    return found


def progress_plot(results: Mapping) -> Markup:
    """The front's hypervolume over the trials."""
    points = progress(results)
    last = max(c["trial"] for c in results["candidates"])
    x, y = _axes(NARROW, [0, last], [v for _, v in points[1:]], "trial", "hypervolume (share of the box)",
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
