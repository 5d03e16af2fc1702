"""Where a network's time and energy go, layer by layer, against the least they could take. By the cost model."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from ..accelerator import AcceleratorConfig
from ..analysis import LayerAnalysis, analyze
from ..board import Board
from ..energy import Joules, board_joules, estimate_energy
from ..graph import Graph
from ..integer import W_BITS
from ..layer_counters import layers_counters
from ..schedule import Schedule, schedule
from ..units import si
from .svg import axis, element, frame, tick

__all__ = ["CYCLES", "LayerBound", "layer_bars", "layer_bounds", "layer_name"]

#: What a layer's cycles are spent on, in the order of the bars; see :class:`~codesign.layer_cycles.LayerCycles`.
CYCLES = {"active": "compute", "weights": "wait for weights", "input": "load the image",
          "write_back": "write back", "pipeline": "fill and control"}
ROW, WIDTH, END = 30, 960, 90
LETTER = 6.8  # how wide one of a name is


@dataclass(frozen=True, kw_only=True)
class LayerBound:
    """One layer of one image.

    cycles : by what they are spent on; joules : by component
    mac_cycles : if every element of the array multiplied in every cycle; memory_cycles : for its weights, and the image
        or the logits, over the memory's bus alone
    least_j : of its multiplications and these bytes alone
    """

    name: str
    cycles: Mapping[str, int]
    joules: Mapping[str, float]
    mac_cycles: float
    memory_cycles: float
    least_j: float

    @property
    def bound_cycles(self) -> float:
        """The roofline: the array's or the memory's least, whichever is more."""
        return max(self.mac_cycles, self.memory_cycles)

    @property
    def bound_by(self) -> str:
        return "memory" if self.memory_cycles > self.mac_cycles else "array"


def layer_bounds(graph: Graph, config: AcceleratorConfig, board: Board,
                 joules: Joules | None = None) -> list[LayerBound]:
    """Of every layer that the accelerator visits, in order; the bands of one layer are added up.

    joules : of each event; the data file's by default
    """
    plan, analyzed = schedule(graph, config), analyze(graph).layers
    joules = board_joules(board) if joules is None else joules
    found: dict[str, LayerBound] = {}
    for layer, counters in layers_counters(plan):
        name = layer_name(layer.name)
        energy = estimate_energy(config, counters, board, joules).components
        before = found.get(name)
        cycles = {key: getattr(layer, key) + (before.cycles[key] if before else 0) for key in CYCLES}
        spent = {key: value + (before.joules[key] if before else 0.0) for key, value in energy.items()}
        multiplications, bytes = _least(plan, analyzed, name)
        found[name] = LayerBound(
            name=name, cycles=cycles, joules=spent, mac_cycles=multiplications / (config.rows * config.cols),
            memory_cycles=bytes / config.memory.bytes_per_cycle,
            least_j=multiplications * joules["mac_j"] + bytes * joules["memory_byte_j"])
    return list(found.values())


def layer_name(visit: str) -> str:
    """The layer that a visit is of: its name without the band's rows."""
    return re.sub(r"\[\d+:\d+\]$", "", visit)


def _least(plan: Schedule, analyzed: Sequence[LayerAnalysis], name: str) -> tuple[int, int]:
    """(multiplications of an element, bytes over the bus) that layer ``name`` cannot do without."""
    layer = next((x for x in analyzed if x.name == name), None)
    if layer is None:
        return 0, 0  # channels that are only carried along
    gemm = next(g for g in plan.gemms if g.name == name and not g.identity)
    bytes = layer.weight_bytes
    if layer.in_shape == plan.graph.input_shape and layer is analyzed[0]:
        bytes += math.prod(layer.in_shape)  # a byte a pixel
    if gemm.raw:
        bytes += 4 * math.prod(layer.out_shape)
    return layer.macs * gemm.planes * -(-gemm.weight_bits // W_BITS), bytes


def layer_bars(layers: Sequence[LayerBound], quantity: str) -> Markup:
    """A bar a layer of ``cycles`` or (but for the static) ``joules``, by part, with a mark at the layer's bound."""
    unit = "J" if quantity == "joules" else ""

    def parts(layer: LayerBound) -> Mapping[str, float]:
        return {k: v for k, v in layer.joules.items() if k != "static"} if unit else layer.cycles

    def least(layer: LayerBound) -> float:
        return layer.least_j if unit else layer.bound_cycles

    height, left = ROW * len(layers) + 54, 24 + LETTER * max(len(b.name) for b in layers)
    label = "dynamic energy of one image (model)" if unit else "cycles of one image (model)"
    x = axis([0.0, *(sum(parts(b).values()) for b in layers)], left, WIDTH - END, label,
             written=partial(tick, unit=unit))
    y = axis([0.0, 1.0], height - 44, 6, "")
    marks = []
    for n, bound in enumerate(layers):
        top, at, total = 10 + n * ROW, 0.0, sum(parts(bound).values())
        marks.append(element("text", bound.name, x=left - 8, y=top + 14, text_anchor="end", class_="name"))
        for k, (name, value) in enumerate(parts(bound).items()):
            if value:
                words = f"{bound.name}: {si(value, unit) if unit else f'{value:,} cycles'}, {CYCLES.get(name, name)}"
                marks.append(element("rect", element("title", words), x=x.at(at), y=float(top), height=ROW - 10,
                                     width=max(0.3, x.at(at + value) - x.at(at)), class_=f"part{k}"))
            at += value
        marks.append(element("path", element("title", f"{bound.name}: at least {_number(least(bound), unit)}"),
                             d=f"M{x.at(least(bound)):.1f},{top - 3}v{ROW - 4}", class_="bound"))
        marks.append(element("text", _number(total, unit), x=x.at(total) + 6, y=top + 14, class_="name"))
    return frame(f"{label.capitalize()} by layer and part, with each layer's bound", (WIDTH, height), x, y, marks)


def _number(value: float, unit: str) -> str:
    return si(value, unit) if unit else f"{value:,.0f}"
