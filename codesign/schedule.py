"""The order of work: every LOAD and PASS of a network on an accelerator, before any weight is known.

Cycles depend on this alone, so a network is priced without being trained.
"""

from dataclasses import dataclass, replace

from .accelerator import AcceleratorConfig
from .errors import require
from .gemm import IMAGE, Gemm, Operand
from .graph import Graph
from .image import ImageRegion
from .integer import A_BITS, W_BITS
from .isa import COORD_BITS, REPEAT_BITS
from .lowering import lower
from .placement import Feed, Placement, place
from .timing import drain
from .windows import Windows

__all__ = ["Load", "Pass", "Schedule", "row_address", "schedule"]

MOST_PIECES = 128  # that the image is loaded in, each while the one before is worked on
PIECE_WORDS = 64  # below which that is not worth an instruction


@dataclass(frozen=True, kw_only=True)
class Load:
    """Write words first..first+count-1 of a region of the image into the banks: ``fields`` of the LOAD instruction."""

    region: ImageRegion
    first: int
    count: int
    fields: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One weight tile applied to one chunk of pixels.

    gemm : index of its Gemm
    tile : index of its output tile
    digit : of the weights, where they are wider than 4 bits
    feeds : what each row reads, None where nothing
    start : its first window
    pixels : pixels streamed, and ``beats`` = pixels * planes
    fields : of the PASS instruction
    again : it is one of the repetitions that an instruction before announced, and has none of its own
    """

    gemm: int
    tile: int
    digit: int
    feeds: tuple[Feed | None, ...]
    start: int
    pixels: int
    beats: int
    fields: dict[str, int]
    again: bool = False

    @property
    def writes(self) -> bool:
        """Its results go to the banks."""
        return bool(self.fields["last"]) and not self.fields["raw"]


@dataclass(frozen=True)
class Schedule:
    """Everything the compiler and the cost model need to know of a network on an accelerator."""

    config: AcceleratorConfig
    graph: Graph
    gemms: tuple[Gemm, ...]
    placement: Placement
    steps: tuple[Load | Pass, ...]

    @property
    def passes(self) -> list[Pass]:
        return [step for step in self.steps if isinstance(step, Pass)]

    @property
    def loads(self) -> list[Load]:
        return [step for step in self.steps if isinstance(step, Load)]


def _queue(feeds: list[Feed], rows: int) -> list[tuple[Feed | None, ...]]:
    """Feeds per row, one tuple per pass: each bank gives one value a pass."""
    queues: list[list[Feed]] = [[] for _ in range(rows)]
    for feed in feeds:
        queues[feed.bank].append(feed)
    return [tuple(q[i] if i < len(q) else None for q in queues) for i in range(max(map(len, queues)))]


def _groups(operands: list[int], gemm: Gemm, placement: Placement) -> list[tuple[int, int, tuple[Feed | None, ...]]]:
    """(digit of the weights, scale, feeds per row) of each pass. High halves of the image go with the low ones where
    wide rows take them, else in passes of their own whose products count sixteenfold, as those of a second digit do."""
    feeds = [feed for k in operands for feed in placement.feeds(k, gemm.operands[k])]
    rows = placement.config.rows
    if placement.config.wide_rows or not any(feed.high for feed in feeds):
        halves = [(0, group) for group in _queue(feeds, rows)]
    else:
        halves = [(scale, group) for scale in (0, 1)
                  for group in _queue([f for f in feeds if f.high == scale], rows)]
    digits = -(-gemm.weight_bits // W_BITS)
    return [(digit, scale + digit, group) for scale, group in halves for digit in range(digits)]


def _chunks(gemm: Gemm, windows: Windows, config: AcceleratorConfig, groups: int, pieces: int) -> list[tuple[int, int]]:
    """Window ranges (start, stop) whose pixels fit the accumulators; where sums need no memory, ``pieces`` of them."""
    per_window = windows.step**2
    largest = max(1, config.acc_depth // per_window)
    count = min(pieces, windows.count) if groups == 1 else -(-windows.count // largest)
    return [(windows.count * i // count, windows.count * (i + 1) // count) for i in range(count)]


def _base_fields(gemm: Gemm, windows: Windows, start: int, stop: int, config: AcceleratorConfig) -> dict[str, int]:
    mask = (1 << config.pixel_bits) - 1
    _, height, width = gemm.in_shape
    x, y = windows.corner(start)
    return dict(pool=gemm.padding is not None, sum=gemm.total, raw=gemm.raw,
                planes=gemm.planes - 1, out_planes=gemm.out_planes - 1,
                out_wide=gemm.activation_bits > A_BITS,
                plane_stride=height * width * config.columns_per_bank & config.bank_depth - 1,
                x_first=x, y_first=y, x_left=windows.first, x_last=windows.x_last, width=width, height=height,
                row_addr=y * width + windows.first & mask, window_addr=y * width + x & mask, windows=stop - start,
                sum_first=gemm.total and start == 0, sum_last=gemm.total and stop == windows.count)


def _gemm_passes(index: int, gemm: Gemm, placement: Placement) -> list[Pass]:
    config = placement.config
    windows = gemm.windows
    tiles = placement.tiles[index]
    everything = list(range(len(gemm.operands)))
    # An identity's tile reads only the channels it writes.
    groups = [_groups([c for c in tile.channels if c >= 0] if gemm.identity else everything, gemm, placement)
              for tile in tiles]
    most = max(map(len, groups))
    pixels = windows.pixels()
    # Small maps: tiles share the accumulators, so that row descriptors are sent once for all of a batch.
    batch = min(len(tiles), config.acc_depth // pixels) if most > 1 and not gemm.identity else 1

    def one(t: int, g: int, start: int, stop: int) -> Pass:
        tile, (digit, scale, feeds) = tiles[t], groups[t][g]
        count = windows.pixels(start, stop)
        last = g == len(groups[t]) - 1
        results = 0 if gemm.total else start
        fields = _base_fields(gemm, windows, start, stop, config) | dict(
            first=g == 0, last=last, load_columns=last and start == 0, scale=scale,
            acc_addr=t % batch * pixels if batch > 1 else 0)
        if last and not gemm.raw:
            fields |= dict(out_addr=tile.addr + results & config.bank_depth - 1, out_stride=tile.stride,
                           out_group=tile.group)
        return Pass(gemm=index, tile=t, digit=digit, feeds=feeds, start=start, pixels=count, beats=count * gemm.planes,
                    fields=fields)

    if batch > 1:
        return [one(t, g, 0, windows.count) for at in range(0, len(tiles), batch) for g in range(most)
                for t in range(at, min(at + batch, len(tiles)))]
    # The first tile may follow the image as it comes in.
    image_words = sum(region.words for region, _ in placement.image) if gemm.operands[0].source == IMAGE else 0
    pieces = [max(1, min(MOST_PIECES, image_words // PIECE_WORDS))] + [1] * (len(tiles) - 1)
    return [one(t, g, start, stop) for t in range(len(tiles))
            for start, stop in _chunks(gemm, windows, config, most, pieces[t]) for g in range(len(groups[t]))]


def _lead(gemm: Gemm, reach: int, first: Pass) -> int:
    """Beats that pass certainly issues before it reads the last pixels of its source map: the writer's head start.

    ``reach`` : pixels its operands are read away from the one that is visited, at most.
    """
    width = gemm.in_shape[2]
    whole = first.fields["windows"] == gemm.windows.count
    return max(0, first.pixels - (reach + 1) * width - reach - 3) if whole else 0


def _with_state(passes: list[Pass], gemms: tuple[Gemm, ...], config: AcceleratorConfig) -> list[Pass]:
    """Set what depends on the passes before: which blocks to send again, and where to wait for results."""
    depth = drain(config)
    result: list[Pass] = []
    held_weights = held_rows = None
    reach = [max(1, *(abs(offset) for o in gemm.operands for offset in (o.dx, o.dy))) for gemm in gemms]
    age = {IMAGE: depth}  # beats issued since each Gemm's last pixel
    for p in passes:
        gemm = gemms[p.gemm]
        used = [gemm.operands[feed.k] if feed else None for feed in p.feeds]
        weights = (p.gemm, p.tile, p.digit, tuple(feed and feed.k for feed in p.feeds))
        rows = tuple((feed.addr, feed.phase, o.dx, o.dy, gemm.in_shape) if feed and o else None
                     for feed, o in zip(p.feeds, used, strict=True))
        lead = _lead(gemm, reach[p.gemm], p)
        fence = any(age[o.source] + lead < depth for o in used if o)
        result.append(replace(p, fields=p.fields | dict(
            mark=not result or result[-1].gemm != p.gemm, load_weights=weights != held_weights,
            load_rows=rows != held_rows, fence=fence)))
        held_weights, held_rows = weights, rows
        age = {s: depth if fence else min(depth, n + p.beats) for s, n in age.items()} | {p.gemm: 0}
    return result


def _repeats(p: Pass, q: Pass, config: AcceleratorConfig) -> bool:
    """Whether ``q`` is what the hardware does after ``p`` with nothing but other weights and column parameters."""
    f, results = p.fields, 0 if p.fields["sum"] else p.fields["windows"]
    going_on = f | dict(acc_addr=f["acc_addr"] + p.pixels, mark=False, fence=False, load_rows=False)
    if p.writes:
        going_on["out_addr"] = f["out_addr"] + results & config.bank_depth - 1
    return bool(f["load_weights"]) and q.gemm == p.gemm and q.fields == going_on


def _with_repeats(steps: list[Load | Pass], config: AcceleratorConfig) -> list[Load | Pass]:
    """Let one instruction stand for as many passes as it can."""
    result: list[Load | Pass] = []
    first = 0  # index of the pass with the instruction
    for index, step in enumerate(steps):
        before, repeats = steps[index - 1] if index else None, index - first
        if (isinstance(before, Pass) and isinstance(step, Pass) and repeats < 1 << REPEAT_BITS
                and _repeats(before, step, config)):
            opening = result[first]
            result[first] = replace(opening, fields=opening.fields | dict(repeat=repeats))
            result.append(replace(step, again=True))
        else:
            first = index
            result.append(step)
    return result


class _Loader:
    """Brings the image in, just before it is needed."""

    def __init__(self, placement: Placement):
        self.config = placement.config
        self.regions = placement.image
        self.loaded = [0] * len(self.regions)  # words

    def before(self, p: Pass, gemm: Gemm) -> list[Load]:
        """The LOADs without which ``p`` cannot run."""
        if gemm.operands[0].source != IMAGE:
            return []
        used = [gemm.operands[feed.k] for feed in p.feeds if feed]
        windows, (_, height, width) = gemm.windows, gemm.in_shape
        _, y = windows.corner(p.start + p.fields["windows"] - 1)
        rows = min(height, y + windows.step + max(o.dy for o in used if o is not None))
        made = []
        for index, (region, addr) in enumerate(self.regions):
            if not any(region.first <= o.channel < region.first + region.count for o in used):
                continue
            needed, loaded = region.words_for(rows * width, self.config), self.loaded[index]
            if needed > loaded:
                made.append(Load(region=region, first=loaded, count=needed - loaded, fields=dict(
                    base=addr + loaded & self.config.bank_depth - 1, words=needed - loaded)))
                self.loaded[index] = needed
        return made


def schedule(graph: Graph, config: AcceleratorConfig) -> Schedule:
    """Lower, place and order ``graph`` on ``config``; raises :class:`CodesignError` where it cannot run there."""
    for node in graph.nodes:
        require(max(node.shape[1:]) < 1 << COORD_BITS,
                f"{node.name}: map must be at most {(1 << COORD_BITS) - 1} pixels wide and high, "
                f"not {node.shape[1]}x{node.shape[2]}")
    gemms = lower(graph)
    placement = place(gemms, config)
    passes = [p for index, gemm in enumerate(gemms) for p in _gemm_passes(index, gemm, placement)]
    loader = _Loader(placement)
    steps: list[Load | Pass] = []
    for p in _with_state(passes, gemms, config):
        steps += [*loader.before(p, gemms[p.gemm]), p]
    return Schedule(config, graph, gemms, placement, tuple(_with_repeats(steps, config)))


def row_address(feed: Feed, operand: Operand, gemm: Gemm, config: AcceleratorConfig) -> int:
    """What a row adds to a pixel's offset when it reads ``feed``."""
    return (feed.addr << feed.interleave) + operand.dy * gemm.in_shape[2] + operand.dx & (1 << config.pixel_bits) - 1
