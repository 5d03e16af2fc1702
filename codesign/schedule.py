"""The order of work: every LOAD and PASS of a network on an accelerator, before any weight is known.

Cycles depend on this alone, so a network is priced without being trained.
"""

from dataclasses import dataclass, replace
from itertools import chain

from .accelerator import MAX_BANK_DEPTH, AcceleratorConfig
from .banding import Segment, Visit, whole
from .errors import CodesignError, require
from .gemm import IMAGE, Gemm, Operand
from .graph import Graph
from .image import ImageRegion
from .integer import A_BITS, W_BITS
from .isa import COORD_BITS, REPEAT_BITS
from .lowering import lower
from .partition import plans
from .placement import Feed, Placement, place
from .registers import TRACE_ENTRIES
from .timing import drain
from .windows import Windows

__all__ = ["Load", "Pass", "Schedule", "check_maps", "row_address", "schedule"]

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

    visit, gemm : index of the visit, and of its Gemm
    tile : index of its output tile
    digit : of the weights, where they are wider than 4 bits
    feeds : what each row reads, None where nothing
    start : its first window
    pixels : pixels streamed, and ``beats`` = pixels * planes
    fields : of the PASS instruction
    again : it is one of the repetitions that an instruction before announced, and has none of its own
    """

    visit: int
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
    visits: tuple[Visit, ...]
    placement: Placement
    steps: tuple[Load | Pass, ...]

    @property
    def visit_names(self) -> tuple[str, ...]:
        """Each one's Gemm, with the rows of its result where it takes several; as many as the trace can hold."""
        def rows(visit: Visit) -> str:
            whole_map = len(visit.rows) == self.gemms[visit.gemm].shape[1]
            return "" if whole_map else f"[{visit.rows.start}:{visit.rows.stop}]"

        return tuple(self.gemms[visit.gemm].name + rows(visit) for visit in self.visits[:TRACE_ENTRIES])

    @property
    def visit_bounds(self) -> tuple[int, ...]:
        """The least cycles each can take: ceil(K / rows) * ceil(M / cols) * N, times the planes of its operands and the
        digits of its weights; an identity reads but what it writes."""
        bounds = []
        for visit in self.visits[:TRACE_ENTRIES]:
            gemm, windows = self.gemms[visit.gemm], self.gemms[visit.gemm].windows
            pixels = windows.pixels() if gemm.total else windows.pixels(
                visit.rows.start * windows.columns, visit.rows.stop * windows.columns)
            groups = 1 if gemm.identity else -(-len(gemm.operands) // self.config.rows)
            tiles = -(-gemm.out_channels // self.config.cols)
            bounds.append(groups * tiles * pixels * gemm.planes * -(-gemm.weight_bits // W_BITS))
        return tuple(bounds)

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


def _groups(operands: list[int], gemm: Gemm, placement: Placement,
            visit: Visit) -> list[tuple[int, int, tuple[Feed | None, ...]]]:
    """(digit of the weights, scale, feeds per row) of each pass. High halves of the image go with the low ones where
    wide rows take them, else in passes of their own whose products count sixteenfold, as those of a second digit do."""
    feeds = [feed for k in operands for feed in placement.feeds(k, gemm.operands[k], visit, gemm.in_shape[2])]
    rows = placement.config.rows
    if placement.config.wide_rows or not any(feed.high for feed in feeds):
        halves = [(0, group) for group in _queue(feeds, rows)]
    else:
        halves = [(scale, group) for scale in (0, 1)
                  for group in _queue([f for f in feeds if f.high == scale], rows)]
    digits = -(-gemm.weight_bits // W_BITS)
    return [(digit, scale + digit, group) for scale, group in halves for digit in range(digits)]


def _chunks(every: range, windows: Windows, config: AcceleratorConfig, groups: int, pieces: int) -> list[range]:
    """Windows of ``every`` whose pixels fit the accumulators; where sums need no memory, in ``pieces`` of them."""
    largest = max(1, config.acc_depth // windows.step**2)
    count = min(pieces, len(every)) if groups == 1 else -(-len(every) // largest)
    return [every[len(every) * i // count:len(every) * (i + 1) // count] for i in range(count)]


def _base_fields(gemm: Gemm, visit: Visit, chunk: range, config: AcceleratorConfig) -> dict[str, int]:
    mask = (1 << config.pixel_bits) - 1
    windows, (_, height, width) = gemm.windows, gemm.in_shape
    x, y = windows.corner(chunk.start)
    room = visit.room.get(gemm.operands[0].source, height)  # of the image, whose planes lie in other banks: no matter
    return dict(pool=gemm.padding is not None, sum=gemm.total, raw=gemm.raw,
                planes=gemm.planes - 1, out_planes=gemm.out_planes - 1,
                out_wide=gemm.activation_bits > A_BITS,
                plane_stride=room * width * config.columns_per_bank & config.bank_depth - 1,
                x_first=x, y_first=y, x_left=windows.first, x_last=windows.x_last, width=width, height=height,
                row_addr=y * width + windows.first & mask, window_addr=y * width + x & mask, windows=len(chunk),
                sum_first=gemm.total and chunk.start == 0, sum_last=gemm.total and chunk.stop == windows.count)


def _visit_passes(number: int, visit: Visit, gemm: Gemm, placement: Placement) -> list[Pass]:
    config, windows, tiles = placement.config, gemm.windows, placement.tiles[visit.gemm]
    every = range(windows.count) if gemm.total else range(visit.rows.start * windows.columns,
                                                          visit.rows.stop * windows.columns)
    everything = list(range(len(gemm.operands)))
    # An identity's tile reads only the channels it writes.
    groups = [_groups([c for c in tile.channels if c >= 0] if gemm.identity else everything, gemm, placement, visit)
              for tile in tiles]
    most = max(map(len, groups))
    pixels = windows.pixels(every.start, every.stop)
    # Small maps: tiles share the accumulators, so that row descriptors are sent once for all of a batch.
    batch = min(len(tiles), config.acc_depth // pixels) if most > 1 and not gemm.identity else 1

    def one(t: int, g: int, chunk: range) -> Pass:
        tile, (digit, scale, feeds) = tiles[t], groups[t][g]
        count = windows.pixels(chunk.start, chunk.stop)
        last = g == len(groups[t]) - 1
        results = 0 if gemm.total else chunk.start - visit.held[visit.gemm].start * windows.columns
        fields = _base_fields(gemm, visit, chunk, config) | dict(
            first=g == 0, last=last, load_columns=last and chunk.start == every.start, scale=scale,
            acc_addr=t % batch * pixels if batch > 1 else 0)
        if last and not gemm.raw:
            fields |= dict(out_addr=tile.addr + results & config.bank_depth - 1, out_stride=tile.stride,
                           out_group=tile.group)
        return Pass(visit=number, gemm=visit.gemm, tile=t, digit=digit, feeds=feeds, start=chunk.start, pixels=count,
                    beats=count * gemm.planes, fields=fields)

    if batch > 1:
        return [one(t, g, every) for at in range(0, len(tiles), batch) for g in range(most)
                for t in range(at, min(at + batch, len(tiles)))]
    # The first tile may follow the image as it comes in.
    image_words = sum(r.words for r in placement.regions) if gemm.operands[0].source == IMAGE else 0
    image_words = image_words * len(every) // windows.count
    pieces = [max(1, min(MOST_PIECES, image_words // PIECE_WORDS))] + [1] * (len(tiles) - 1)
    return [one(t, g, chunk) for t in range(len(tiles))
            for chunk in _chunks(every, windows, config, most, pieces[t]) for g in range(len(groups[t]))]


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
        rows = tuple((row_address(feed, o, gemm, config), feed.phase, o.dx, o.dy, gemm.in_shape) if feed and o else None
                     for feed, o in zip(p.feeds, used, strict=True))
        lead = _lead(gemm, reach[p.gemm], p)
        fence = any(age[o.source] + lead < depth for o in used if o)
        result.append(replace(p, fields=p.fields | dict(
            mark=p.visit < TRACE_ENTRIES and (not result or result[-1].visit != p.visit),
            load_weights=weights != held_weights,
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
        self.placement, self.config = placement, placement.config
        self.band: tuple[int, int] | None = None
        self.first: list[int] = []  # words: of this band's
        self.loaded: list[int] = []  # until where it is there

    def before(self, p: Pass, gemm: Gemm, visit: Visit) -> list[Load]:
        """The LOADs without which ``p`` cannot run."""
        if gemm.operands[0].source != IMAGE:
            return []
        used = [gemm.operands[feed.k] for feed in p.feeds if feed]
        windows, (_, height, width) = gemm.windows, gemm.in_shape
        _, y = windows.corner(p.start + p.fields["windows"] - 1)
        rows = min(height, y + windows.step + max(o.dy for o in used if o is not None))
        if self.band != (visit.segment, visit.band):
            self.band = visit.segment, visit.band
            self.first = [region.first_word(visit.held[IMAGE].start * width, self.config)
                          for region in self.placement.regions]
            self.loaded = list(self.first)
        made = []
        places = zip(self.placement.regions, self.placement.image_at(visit), strict=True)
        for index, (region, addr) in enumerate(places):
            if not any(region.first <= o.channel < region.first + region.count for o in used):
                continue
            needed, loaded = region.words_for(rows * width, self.config), self.loaded[index]
            if needed > loaded:
                made.append(Load(region=region, first=loaded, count=needed - loaded, fields=dict(
                    base=addr + loaded - self.first[index] & self.config.bank_depth - 1, words=needed - loaded)))
                self.loaded[index] = needed
        return made


def _fitting(gemms: tuple[Gemm, ...], config: AcceleratorConfig) -> tuple[tuple[Segment, ...], Placement]:
    """The network at once, or in the bands that cost least among those that fit."""
    found = _in_bands(gemms, config)
    if found is None:
        depth = config.bank_depth
        while found is None and depth < MAX_BANK_DEPTH:
            depth *= 2
            found = _in_bands(gemms, replace(config, bank_depth=depth))
        would = f"at least {depth} words" if found else f"more than {MAX_BANK_DEPTH} words, which is the limit,"
        raise CodesignError(f"Accelerator bank_depth must be {would} to hold this network's maps, even in bands, "
                            f"not {config.bank_depth}")
    return found


def _in_bands(gemms: tuple[Gemm, ...],
              config: AcceleratorConfig) -> tuple[tuple[Segment, ...], Placement] | None:
    for segments in chain([whole(gemms)], plans(gemms, config)):
        try:
            return segments, place(gemms, config, segments)
        except CodesignError:  # what fits was estimated
            pass
    return None


def check_maps(graph: Graph) -> None:
    """Raise :class:`CodesignError` where a map is larger than any accelerator can address."""
    for node in graph.nodes:
        require(max(node.shape[1:]) < 1 << COORD_BITS,
                f"{node.name}: map must be at most {(1 << COORD_BITS) - 1} pixels wide and high, "
                f"not {node.shape[1]}x{node.shape[2]}")


def schedule(graph: Graph, config: AcceleratorConfig) -> Schedule:
    """Lower, place and order ``graph`` on ``config``; raises :class:`CodesignError` where it cannot run there."""
    check_maps(graph)
    gemms = lower(graph)
    segments, placement = _fitting(gemms, config)
    visits = tuple(visit for number, segment in enumerate(segments) for visit in segment.visits(number))
    passes = [p for number, visit in enumerate(visits)
              for p in _visit_passes(number, visit, gemms[visit.gemm], placement)]
    loader = _Loader(placement)
    steps: list[Load | Pass] = []
    for p in _with_state(passes, gemms, config):
        steps += [*loader.before(p, gemms[p.gemm], visits[p.visit]), p]
    return Schedule(config, graph, gemms, visits, placement, tuple(_with_repeats(steps, config)))


def row_address(feed: Feed, operand: Operand, gemm: Gemm, config: AcceleratorConfig) -> int:
    """What a row adds to a pixel's offset when it reads ``feed``."""
    offset = operand.dy * gemm.in_shape[2] + operand.dx
    return (feed.addr << feed.interleave) - feed.origin + offset & (1 << config.pixel_bits) - 1
