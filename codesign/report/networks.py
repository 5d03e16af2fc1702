"""Networks as pictures: every operator a box with its shape, blocks as groups, from left to right."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from ..analysis import LayerAnalysis, analyze
from ..graph import Concat, Conv, GlobalAverage, Graph, Input, Linear, MaxPool, Node, Permute, Shift, Slice
from .svg import element

__all__ = ["Tile", "draw_network"]

WIDTH, HEIGHT = 92, 40  # of a box
GAP, LANE = 20, 54  # before a box; from one branch to the next
PADDING, CAPTION = 10, 16  # of a block's frame, and above it


@dataclass(frozen=True)
class Tile:
    """A drawn layer or block, and its words for those who do not see it."""

    picture: Markup
    words: str


def draw_network(graph: Graph) -> list[Tile]:
    """The graph in the order of its layers, a tile each: the first branch of each is at one height, so that tiles
    beside each other read as one graph."""
    layers = {layer.name: layer for layer in analyze(graph).layers}
    indexed = list(enumerate(graph.nodes))
    return [_tile(name, dict(group), graph, layers)
            for name, group in groupby(indexed, lambda item: _layer_of(item[1].name))]


def _layer_of(name: str) -> str:
    """The block that an operator is of, or its own name: ``stage1.0`` of ``stage1.0.main.expand``."""
    parts = name.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 else name


def _tile(name: str, nodes: Mapping[int, Node], graph: Graph, layers: Mapping[str, LayerAnalysis]) -> Tile:
    places = _places(nodes)
    is_block = len(nodes) > 1
    columns = 1 + max(column for column, _ in places.values())
    lanes = 1 + max(lane for _, lane in places.values())
    inset = PADDING if is_block else 0
    width, height = columns * (WIDTH + GAP) + 2 * inset, CAPTION + PADDING + (lanes - 1) * LANE + HEIGHT + PADDING

    def left(i: int) -> float:
        return inset + places[i][0] * (WIDTH + GAP) + GAP

    def middle(i: int) -> float:
        return CAPTION + PADDING + places[i][1] * LANE + HEIGHT / 2

    top = CAPTION + PADDING + HEIGHT / 2
    marks = []
    if is_block:
        marks += [element("rect", x=4, y=CAPTION, width=width - 6, height=height - CAPTION - 1, rx=8, class_="block"),
                  element("text", name, x=10, y=CAPTION - 4, class_="caption")]
    for i, node in nodes.items():
        for source in node.inputs:
            start = (left(source) + WIDTH, middle(source)) if source in nodes else (0.0, top)
            marks.append(_edge(start, (left(i), middle(i))))
    last = max(nodes)
    if is_block:
        marks.append(element("path", d=f"M{left(last) + WIDTH:.0f},{top:.0f}H{width:.0f}", class_="edge"))
    marks += [_box(node, left(i), middle(i), layers.get(node.name)) for i, node in nodes.items()]
    words = "; ".join(f"{' '.join(_words(node))}" for node in nodes.values())
    picture = element("svg", *marks, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img",
                      aria_label=f"{name}: {words}", class_="tile")
    return Tile(picture, words)


def _places(nodes: Mapping[int, Node]) -> dict[int, tuple[int, int]]:
    """(column, lane) of each: as far right as its operands demand, and in its first operand's lane unless that goes on
    elsewhere, in which case it opens one. What joins branches is in the first lane."""
    places: dict[int, tuple[int, int]] = {}
    taken: dict[int, int] = {}  # the lane's end
    for i, node in nodes.items():
        inside = [s for s in node.inputs if s in nodes]
        column = 1 + max((places[s][0] for s in inside), default=-1)
        lane = 0 if len(node.inputs) > 1 else places[inside[0]][1] if inside else 0
        while taken.get(lane, -1) >= column or (not inside and lane in taken):
            lane += 1
        places[i], taken[lane] = (column, lane), column
    return places


def _edge(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    """To the box's left side, with an arrow's head; to another lane along the gap before it."""
    (x, y), (to, at) = start, end
    path = f"M{x:.0f},{y:.0f}H{to:.0f}" if y == at else (
        f"M{x:.0f},{y:.0f}h6V{at:.0f}H{to:.0f}" if at > y else f"M{x:.0f},{y:.0f}H{to - 12:.0f}V{at:.0f}H{to:.0f}")
    return element("path", d=f"{path}m-6,-4l6,4l-6,4", class_="edge")


def _box(node: Node, left: float, middle: float, layer: LayerAnalysis | None) -> Markup:
    what, shape = _words(node)
    about = f"{node.name}: {what}, makes {shape}"
    if layer is not None:
        about += f"; {layer.weights:,} weights, {layer.macs:,} multiply-accumulates"
    return element("g", element("title", about),
                   element("rect", x=left, y=middle - HEIGHT / 2, width=WIDTH, height=HEIGHT, rx=5),
                   element("text", what, x=left + WIDTH / 2, y=middle - 4, text_anchor="middle"),
                   element("text", shape, x=left + WIDTH / 2, y=middle + 12, text_anchor="middle", class_="shape"),
                   class_=f"op {type(node.op).__name__.lower()}")


def _words(node: Node) -> tuple[str, str]:
    """What it does; the shape it makes, and a convolution's bits where they are not 4."""
    bits = ""
    if isinstance(node.op, Conv) and (node.op.weight_bits, node.op.activation_bits) != (4, 4):
        bits = f" W{node.op.weight_bits}A{node.op.activation_bits}"
    return _operation(node), "×".join(map(str, node.shape)) + bits


def _operation(node: Node) -> str:
    match node.op:
        case Input():
            return "image, 8 bit"
        case Conv(out_channels=out, kernel=k):
            return f"conv {k}×{k}, {out}"
        case Shift(offsets=offsets):
            return f"shift, {len(set(offsets))} ways"
        case MaxPool(padding=padding):
            return "pool 2×2" + (f", pad {padding}" if padding else "")
        case Slice(start=start, stop=stop):
            return f"slice {start}:{stop}"
        case Concat():
            return "concat"
        case Permute():
            return "shuffle"
        case GlobalAverage():
            return "average"
        case Linear(out_channels=out):
            return f"linear {out}"
