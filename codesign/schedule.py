"""The order of work: every LOAD and PASS of a network on an accelerator, before any weight is known.

Cycles depend on this alone, so a network is priced without being trained.
"""

from dataclasses import dataclass, replace

from .accelerator import AcceleratorConfig
from .errors import require
from .graph import Graph
from .isa import COORD_BITS
from .lowering import IMAGE, Gemm, Operand, lower
from .placement import Placement, Tile, place
from .timing import drain
from .windows import Windows

__all__ = ["Load", "Pass", "Schedule", "operand_address", "schedule"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Write image channels into the banks: ``fields`` of the LOAD instruction; ``first``, ``count`` channels."""

    first: int
    count: int
    fields: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One weight tile applied to one chunk of pixels.

    gemm : index of its Gemm
    tile : index of its output tile
    operands : operand index (column of the weight matrix) fed by each row, -1 for none
    pixels : pixels streamed, and ``beats`` = pixels * planes
    fields : of the PASS instruction
    """

    gemm: int
    tile: int
    operands: tuple[int, ...]
    pixels: int
    beats: int
    fields: dict[str, int]


@dataclass(frozen=True)
class Schedule:
    """Everything the compiler and the cost model need to know of a network on an accelerator."""

    config: AcceleratorConfig
    graph: Graph
    gemms: tuple[Gemm, ...]
    placement: Placement
    loads: tuple[Load, ...]
    passes: tuple[Pass, ...]


def _groups(operands: list[int], gemm: Gemm, placement: Placement, rows: int) -> list[tuple[int, ...]]:
    """Operand indices per row, one tuple per pass: each bank gives one channel a pass."""
    queues: list[list[int]] = [[] for _ in range(rows)]
    for k in operands:
        o = gemm.operands[k]
        queues[placement.places[o.source, o.channel].bank].append(k)
    return [tuple(q[i] if i < len(q) else -1 for q in queues) for i in range(max(map(len, queues)))]


def _chunks(gemm: Gemm, windows: Windows, config: AcceleratorConfig, groups: int) -> list[tuple[int, int]]:
    """Window ranges (start, stop) whose pixels fit the accumulators; one range where sums need no memory."""
    if groups == 1:
        return [(0, windows.count)]
    per_window = windows.step**2
    largest = max(1, config.acc_depth // per_window)
    count = -(-windows.count // largest)
    return [(windows.count * i // count, windows.count * (i + 1) // count) for i in range(count)]


def _base_fields(gemm: Gemm, windows: Windows, start: int, stop: int, config: AcceleratorConfig) -> dict[str, int]:
    mask = config.bank_depth - 1
    _, height, width = gemm.in_shape
    x, y = windows.corner(start)
    return dict(pool=gemm.padding is not None, sum=gemm.total, raw=gemm.raw,
                planes=gemm.planes - 1, out_planes=gemm.out_planes - 1, plane_stride=height * width & mask,
                x_first=x, y_first=y, x_left=windows.first, x_last=windows.x_last, width=width, height=height,
                row_addr=y * width + windows.first & mask, window_addr=y * width + x & mask, windows=stop - start,
                sum_first=gemm.total and start == 0, sum_last=gemm.total and stop == windows.count)


def _gemm_passes(index: int, gemm: Gemm, placement: Placement, config: AcceleratorConfig) -> list[Pass]:
    windows = Windows(*gemm.in_shape[1:], gemm.padding)
    tiles = placement.tiles[index]
    everything = list(range(len(gemm.operands)))
    # An identity's tile reads only the channels it writes.
    groups = [_groups([c for c in tile.channels if c >= 0] if gemm.identity else everything, gemm, placement,
                      config.rows) for tile in tiles]
    most = max(map(len, groups))
    chunks = _chunks(gemm, windows, config, most)
    pixels = windows.pixels()
    # Small maps: all tiles share the accumulators, so that the row descriptors are sent once per operand group.
    by_group = most > 1 and not gemm.identity and len(tiles) * pixels <= config.acc_depth

    def one(t: int, tile: Tile, g: int, start: int, stop: int) -> Pass:
        count = windows.pixels(start, stop)
        last = g == len(groups[t]) - 1
        results = 0 if gemm.total else start
        fields = _base_fields(gemm, windows, start, stop, config) | dict(
            first=g == 0, last=last, load_columns=last and start == 0,
            acc_addr=t * pixels if by_group else 0,
            out_addr=tile.addr + results & config.bank_depth - 1, out_stride=tile.stride, out_group=tile.group)
        return Pass(gemm=index, tile=t, operands=groups[t][g], pixels=count, beats=count * gemm.planes, fields=fields)

    if by_group:
        return [one(t, tile, g, *chunks[0]) for g in range(most) for t, tile in enumerate(tiles)]
    return [one(t, tile, g, start, stop) for t, tile in enumerate(tiles) for start, stop in chunks
            for g in range(len(groups[t]))]


def _lead(gemm: Gemm, first: Pass) -> int:
    """Pixels that pass certainly reads before the last ones of its source map: the head start the writer has."""
    _, height, width = gemm.in_shape
    whole = first.fields["windows"] == Windows(height, width, gemm.padding).count
    return max(0, first.pixels - 2 * width - 4) if whole else 0


def _with_state(passes: list[Pass], gemms: tuple[Gemm, ...], config: AcceleratorConfig) -> list[Pass]:
    """Set what depends on the passes before: which blocks to send again, and where to wait for results."""
    depth = drain(config)
    result: list[Pass] = []
    held_weights = held_rows = None
    age = {IMAGE: depth}  # beats issued since each Gemm's last pixel
    for p in passes:
        gemm = gemms[p.gemm]
        weights = (p.gemm, p.tile, p.operands)
        rows = tuple((-1, 0, 0, 0) if k < 0 else tuple(gemm.operands[k]) for k in p.operands)
        sources = {gemm.operands[k].source for k in p.operands if k >= 0}
        fence = any(age[s] + _lead(gemm, p) < depth for s in sources)
        result.append(replace(p, fields=p.fields | dict(
            mark=not result or result[-1].gemm != p.gemm, load_weights=weights != held_weights,
            load_rows=rows != held_rows, fence=fence)))
        held_weights, held_rows = weights, rows
        age = {s: depth if fence else min(depth, n + p.beats) for s, n in age.items()} | {p.gemm: 0}
    return result


def _loads(gemms: tuple[Gemm, ...], placement: Placement, config: AcceleratorConfig) -> list[Load]:
    _, height, width = next(g for g in gemms if any(o.source == IMAGE for o in g.operands)).in_shape
    beat = config.words_per_beat
    made = []
    for where in placement.image:
        per_word = config.word_bits // 8 >> where.lanes_log2
        words = -(-height * width // per_word)
        made.append(Load(first=where.first, count=where.count, fields=dict(
            base=where.addr, plane_stride=height * width & config.bank_depth - 1, pixels=height * width,
            words=-(-words // beat) * beat, lanes_log2=where.lanes_log2)))
    return made


def schedule(graph: Graph, config: AcceleratorConfig) -> Schedule:
    """Lower, place and order ``graph`` on ``config``; raises :class:`CodesignError` where it cannot run there."""
    for node in graph.nodes:
        require(max(node.shape[1:]) < 1 << COORD_BITS,
                f"{node.name}: map must be at most {(1 << COORD_BITS) - 1} pixels wide and high, "
                f"not {node.shape[1]}x{node.shape[2]}")
    gemms = lower(graph)
    placement = place(gemms, config)
    passes = [p for index, gemm in enumerate(gemms) for p in _gemm_passes(index, gemm, placement, config)]
    return Schedule(config, graph, gemms, placement, tuple(_loads(gemms, placement, config)),
                    tuple(_with_state(passes, gemms, config)))


def operand_address(operand: Operand, gemm: Gemm, placement: Placement, config: AcceleratorConfig) -> int:
    """Bank word that is added to a pixel's offset when a row reads ``operand``."""
    base = placement.places[operand.source, operand.channel].addr
    return base + operand.dy * gemm.in_shape[2] + operand.dx & config.bank_depth - 1
