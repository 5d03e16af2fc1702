"""Streams a chunk of pixels into the array: coordinates, addresses and commands, one beat a cycle."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.isa import COORD_BITS, MAX_OFFSET, Isa, Opcode

from .column import column_token
from .row import row_token

__all__ = ["Walker"]

OFFSET_BITS = MAX_OFFSET.bit_length()  # of which it is all ones


class Walker(wiring.Component):
    """Visits the pixels of a pass window by window and the planes of each pixel, one beat a cycle.

    The first beat comes in the cycle after ``go``, its tokens :attr:`LATENCY` cycles later. Beats wait

    - where results are written and columns share bank ports, or results of pixels or windows have two words: for a
      cycle that is a multiple of :func:`codesign.timing.result_interval` since ``start``;
    - where results leave raw: until ``room``, and ``config.cols`` cycles after the last such beat, so that the
      columns' results leave one after another.

    Members
    -------
    start : a run begins
    go : take ``fields`` (of PASS) and begin; only while ``available``
    again : its accumulators and results go on from where the last pass stopped
    column_set : the set of column parameters that it swaps in
    available : idle, or in the last beat
    room : the writer takes another ``config.cols`` values
    beat, raw_beat, result : a beat is issued in this cycle; whose results leave raw; that completes a window
    words : of a result of this pass
    running : a pass is in hand
    row, column : tokens for the first row, and for the first column (not yet delayed by the rows' skew)
    """

    LATENCY = timing.WALK

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.layout = Isa(config).instructions[Opcode.PASS]
        self._pass = {name: Signal(signed(field.width) if field.signed else field.width, name=name) for name, field in
                      self.layout.fields.items()}  # in hand: corner, addresses and count move on as it goes
        self._dx, self._dy, self._plane = Signal(name="dx"), Signal(name="dy"), Signal(2, name="plane")
        # Of the beat in hand, ready when it is: its plane is the last; and its result leaves raw; it waits for its turn
        # at a bank port; its address less the window's, where dx is 0.
        self._plane_ends, self._raw_ends = Signal(name="plane_ends"), Signal(name="raw_ends")
        self._waits = Signal(name="waits")
        self._offset = Signal(config.pixel_bits, name="offset")
        # Of the window: the last of its row, and of the pass; dx of its last column and dy of its last line; pixels of
        # the map to the right of its corner and below.
        self._row_ends, self._ends = Signal(name="row_ends"), Signal(name="ends")
        self._dx_last, self._dy_last = Signal(name="dx_last"), Signal(name="dy_last")
        self._right, self._below = Signal(COORD_BITS + 1, name="right"), Signal(COORD_BITS + 1, name="below")
        # Of the pass: x of the last window but one of a row; whether a row's last window, as no other may, reaches
        # beyond the map's right edge; pixels to the right of the corner of a row's first window.
        self._before_last = Signal(signed(COORD_BITS + 1), name="before_last")
        self._narrow = Signal(name="narrow")
        self._right_of_row = Signal.like(self._right, name="right_of_row")
        super().__init__({
            "start": In(1), "go": In(1), "again": In(1), "column_set": In(1),
            "fields": In(self.layout.width), "available": Out(1), "room": In(1),
            "beat": Out(1), "raw_beat": Out(1), "result": Out(1), "words": Out(3), "running": Out(1),
            "row": Out(row_token(config)), "column": Out(column_token(config)),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        fields, f = self.layout.fields, self._pass
        running, started = self.running, Signal()
        dx, dy, plane, offset = self._dx, self._dy, self._plane, self._offset
        corner_x, corner_y = f["x_first"], f["y_first"]
        dx_first, dy_first = corner_x < 0, corner_y < 0
        dx_last, dy_last = self._dx_last, self._dy_last
        last_plane = self._plane_ends

        def given(name):
            value = self.fields[fields[name].offset:fields[name].offset + fields[name].width]
            return value.as_signed() if fields[name].signed else value

        pixel_opens = (dx == dx_first) & (dy == dy_first)
        pixel_closes = (dx == dx_last) & (dy == dy_last)
        closes = pixel_closes & last_plane
        last_beat = closes & self._ends
        self._gate(m, f, running, given)
        m.d.comb += [
            self.available.eq(~running | (self.beat & last_beat)),
            self.words.eq(f["out_planes"] + 1),
            self.raw_beat.eq(self.beat & self._raw_ends),
            self.result.eq(self.beat & f["last"] & ~f["raw"] & closes & (~f["sum"] | last_beat & f["sum_last"])),
        ]

        with m.If(self.beat):
            m.d.sync += [started.eq(started | last_plane), plane.eq(Mux(last_plane, 0, plane + 1)),
                         offset.eq(offset + f["plane_stride"])]
            with m.If(last_beat):
                m.d.sync += running.eq(0)
            with m.If(last_plane):
                m.d.sync += f["acc_addr"].eq(f["acc_addr"] + 1)
                self._next_pixel(m, f, dx_first, pixel_closes)
        narrow, row_ends = given("x_last") + 1 >= given("width"), given("x_first") == given("x_last")
        with m.If(self.go):  # after the above: a pass may end in this cycle
            m.d.sync += [
                running.eq(1), started.eq(0), plane.eq(0), offset.eq(Mux(given("y_first") < 0, given("width"), 0)),
                dx.eq(given("x_first") < 0), dy.eq(given("y_first") < 0),  # a corner at -1: the first pixel is at 0
                *(f[name].eq(given(name)) for name in fields
                  if name not in ("acc_addr", "out_addr")),
                self._before_last.eq(given("x_last") - Mux(given("pool"), 2, 1)),
                self._narrow.eq(narrow), self._row_ends.eq(row_ends), self._ends.eq(given("windows") == 1),
                dx_last.eq(given("pool") & ~(row_ends & narrow)),
                dy_last.eq(given("pool") & (given("y_first") + 1 < given("height"))),
                self._right.eq(given("width") - 1 - given("x_first")),
                self._right_of_row.eq(given("width") - 1 - given("x_left")),
                self._below.eq(given("height") - 1 - given("y_first")),
            ]
            with m.If(~self.again):
                m.d.sync += [f[name].eq(given(name)) for name in ("acc_addr", "out_addr")]

        row, column = self.row, self.column
        m.d.sync += [
            row.valid.eq(self.beat),
            row.swap_weights.eq(self.go & given("load_weights")),
            row.swap_row.eq(self.go & given("load_rows")),
            row.addr.eq(f["window_addr"] + offset + dx),
            row.left.eq(_from_first(corner_x, dx)), row.right.eq(_to_last(self._right, dx)),
            row.up.eq(_from_first(corner_y, dy)), row.down.eq(_to_last(self._below, dy)),
            column.valid.eq(self.beat),
            column.swap.eq(self.go & given("load_columns")), column.set.eq(self.column_set),
            column.first.eq(f["first"] & (plane == 0)),
            column.last.eq(f["last"] & last_plane),
            column.raw.eq(f["raw"]), column.total.eq(f["sum"]),
            column.window_first.eq(Mux(f["sum"], f["sum_first"] & ~started, pixel_opens)),
            column.window_last.eq(Mux(f["sum"], f["sum_last"] & last_beat, pixel_closes)),
            column.scale.eq(f["scale"] + plane), column.planes.eq(f["out_planes"]), column.wide.eq(f["out_wide"]),
            column.acc_addr.eq(f["acc_addr"]), column.out_addr.eq(f["out_addr"]),
            column.out_stride.eq(f["out_stride"]),
        ]
        if config.bank_groups > 1:
            m.d.sync += column.group.eq(f["out_group"])
        return m

    def _next_pixel(self, m, f, dx_first, closes):
        """Right within the window, then its second line, then the next window: right, or the next row of windows."""
        dx, dy, step = self._dx, self._dy, Mux(f["pool"], 2, 1)
        second = Signal()  # line of the window
        m.d.comb += second.eq(Mux(closes, ~self._row_ends & (f["y_first"] < 0), dy | (dx == self._dx_last)))
        m.d.sync += [dy.eq(second), self._offset.eq(Mux(second, f["width"], 0))]
        row_ends = Signal()  # of the next window
        m.d.comb += row_ends.eq(Mux(self._row_ends, f["x_left"] == f["x_last"], f["x_first"] == self._before_last))
        with m.If(~closes):
            m.d.sync += dx.eq((dx != self._dx_last) | dx_first)
        with m.Else():
            m.d.sync += [f["windows"].eq(f["windows"] - 1), self._ends.eq(f["windows"] == 2),
                         self._row_ends.eq(row_ends), self._dx_last.eq(f["pool"] & ~(row_ends & self._narrow))]
            with m.If(~f["sum"]):
                m.d.sync += f["out_addr"].eq(f["out_addr"] + 1)
            with m.If(self._row_ends):
                next_row = f["row_addr"] + Mux(f["pool"], f["width"] << 1, f["width"])
                m.d.sync += [
                    f["x_first"].eq(f["x_left"]), f["y_first"].eq(f["y_first"] + step),
                    f["row_addr"].eq(next_row), f["window_addr"].eq(next_row),
                    self._right.eq(self._right_of_row), self._below.eq(self._below - step),
                    dx.eq(f["x_left"] < 0), self._dy_last.eq(f["pool"] & (self._below >= 3)),
                ]
            with m.Else():
                m.d.sync += [f["x_first"].eq(f["x_first"] + step), f["window_addr"].eq(f["window_addr"] + step),
                             self._right.eq(self._right - step), dx.eq(0)]

    def _gate(self, m, f, running, given):
        """Issue a beat unless the way out is not free; work out what the next cycle's has to wait for."""
        config, ends = self.config, Signal()
        m.d.comb += ends.eq(Mux(self._plane_ends, 0, self._plane + 1) == f["planes"])
        with m.If(self.beat):
            m.d.sync += [self._plane_ends.eq(ends), self._raw_ends.eq(f["last"] & f["raw"] & ends)]
        with m.If(self.go):
            at_once = given("planes") == 0
            m.d.sync += [self._plane_ends.eq(at_once), self._raw_ends.eq(given("last") & given("raw") & at_once)]
        raw_wait, raw_waits = Signal(range(config.cols)), Signal()  # cycles; any
        with m.If(self.raw_beat):
            m.d.sync += [raw_wait.eq(config.cols - 1), raw_waits.eq(1)]
        with m.Elif(raw_waits):
            m.d.sync += [raw_wait.eq(raw_wait - 1), raw_waits.eq(raw_wait != 1)]
        shared = config.columns_per_bank
        turn = Signal(range(2 * shared), init=1)  # of the next cycle
        m.d.sync += turn.eq(Mux(self.start, 1, Mux(turn == 2 * shared - 1, 0, turn + 1)))

        def waits(field):
            others = (turn != 0) & ((turn != shared) | field("out_wide") & ~field("sum"))
            return field("last") & ~field("raw") & others

        m.d.sync += self._waits.eq(Mux(self.go, waits(given), waits(f.get)))
        m.d.comb += self.beat.eq(running & ~self._waits & ~(self._raw_ends & (raw_waits | ~self.room)))


def _from_first(corner, step):
    """Pixels to the map's first line from ``step`` (0, 1) after ``corner``, at most MAX_OFFSET. From -1, it is 1."""
    far = ~corner[-1] & (corner[OFFSET_BITS:].any() | corner[:OFFSET_BITS].all())
    return Mux(far, MAX_OFFSET, (corner[:OFFSET_BITS] + step)[:OFFSET_BITS])


def _to_last(distance, step):
    """Pixels to the map's last line from ``step`` after a corner at ``distance`` of it, at most MAX_OFFSET."""
    return Mux(distance[OFFSET_BITS:].any(), MAX_OFFSET, (distance[:OFFSET_BITS] - step)[:OFFSET_BITS])
