"""Scalable pictures inside the page: elements, axes, and the frame of a plot. Colours are the page's style sheet's."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..units import si

__all__ = ["Axis", "axis", "element", "frame", "tick"]

TICKS = 6


def tick(value: float, unit: str = "") -> str:
    """``value`` as an axis has it: no zeros behind the point."""
    number, _, prefix = si(value, unit).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {prefix}".strip()


def element(name: str, *children: object, **attributes: object) -> Markup:
    """An element; ``stroke_width`` is written ``stroke-width``, ``class_`` ``class``; None is left out. Text is
    escaped."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
                      for key, value in attributes.items() if value is not None)
    inside = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{written}/>" if not children else f"<{name}{written}>{inside}</{name}>")


def _text(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Values ``low`` .. ``high`` on pixels ``start`` .. ``end``; ``label`` says what and in which unit."""

    low: float
    high: float
    start: float
    end: float
    label: str
    log: bool = False
    written: Callable[[float], str] = tick

    def at(self, value: float) -> float:
        """The pixel of ``value``; what is outside is put on the edge."""
        low, high, value = (math.log10(v) if self.log else v for v in (
            self.low, self.high, min(max(value, self.low), self.high)))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers, about :data:`TICKS`."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(decades) <= 4 else (1,)
            return [v for d in decades for v in (m * 10.0**d for m in steps) if self.low <= v <= self.high]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / TICKS))
        step = next(step * m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def axis(values: Iterable[float], start: float, end: float, label: str, *, log: bool = False,
         written: Callable[[float], str] = tick) -> Axis:
    """An axis on which all ``values`` are, with a little room; ``log`` where they are above 0."""
    known = list(values)
    low, high = min(known), max(known)
    if log and low > 0:
        low, high = low / 1.15, high * 1.15
    else:
        log, room = False, 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        low, high = (low - room if low < 0 or low - room > 0 else 0.0), high + room
    return Axis(low=low, high=high, start=start, end=end, label=label, log=log, written=written)


def frame(title: str, size: tuple[float, float], x: Axis, y: Axis, marks: Sequence[Markup]) -> Markup:
    """A plot of ``marks`` over its grid and axes; ``title`` is what is read out instead. A ``y`` without a label has no
    grid: what it shows is named beside the marks."""
    lines, words = [], []
    for value in x.ticks():
        at = x.at(value)
        lines.append(element("line", x1=at, x2=at, y1=y.start, y2=y.end))
        words.append(element("text", x.written(value), x=at, y=y.start + 16, text_anchor="middle"))
    for value in y.ticks() if y.label else ():
        at = y.at(value)
        lines.append(element("line", x1=x.start, x2=x.end, y1=at, y2=at))
        words.append(element("text", y.written(value), x=x.start - 6, y=at + 4, text_anchor="end"))
    middle = (y.start + y.end) / 2
    words.append(element("text", x.label, x=(x.start + x.end) / 2, y=y.start + 34, text_anchor="middle",
                         class_="label"))
    if y.label:
        words.append(element("text", y.label, x=14, y=middle, text_anchor="middle", class_="label",
                             transform=f"rotate(-90 14 {middle:.0f})"))
    return element("svg", element("title", title), element("g", *lines, class_="grid"),
                   element("g", *words, class_="words"), *marks, viewBox=f"0 0 {size[0]:.0f} {size[1]:.0f}",
                   class_="plot", role="img", aria_label=title)
