# amaranth: UnusedElaboratable=no
"""Proofs, by induction, that pixels are visited and read from the banks as by nested loops over the windows of a map.

A naive model counts windows and multiplies where the hardware adds. The walker's tokens are proven to be
:func:`token_of` the model's pixels; the row, given such tokens, to read (or not) what its descriptor says. The claims
hold of every pass over any part of any map up to ``2**SIZE_BITS - 1`` pixels wide and high, under every descriptor
and every stall, one pass following another in any way, without a bound on time.
"""

import pytest
from amaranth.hdl import Assert, Assume, Mux, Signal, Value
from amaranth.lib import data

from codesign.accelerator import INTERLEAVE_BITS, AcceleratorConfig
from codesign.isa import MAX_OFFSET, Isa
from codesign.rtl.row import Row
from codesign.rtl.walker import Walker

from .prover import design, run_sby

CONFIG = AcceleratorConfig(name="formal", rows=4, cols=4, bank_depth=64, acc_depth=8, bus_bits=64)
SIZE_BITS = 3
DESCRIPTOR = data.StructLayout({name: f.width for name, f in Isa(CONFIG).row.fields.items()})


class Pass(data.Struct):
    """A map and the part of it that a pass visits: from window (row, column) to the final one."""

    width: SIZE_BITS
    height: SIZE_BITS
    pool: 1  # 2x2 windows, stride 2
    padding: 1
    last_column: SIZE_BITS  # of every row of windows
    row: SIZE_BITS
    column: SIZE_BITS
    final_row: SIZE_BITS
    final_column: SIZE_BITS
    planes: 2
    plane_stride: CONFIG.addr_bits

    def corner(self, index):
        return index * (1 + self.pool) - self.padding

    def fits(self, index, size):
        """Whether a window is within the padded map."""
        return self.corner(index) + self.pool <= size - 1 + self.padding

    def visits(self, row, column, place):
        """Whether pixel ``place`` (0, 1: the first line) of a window is one, and in the map."""
        x, y = self.corner(column) + place % 2, self.corner(row) + place // 2
        return (self.pool | (place == 0)) & (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)

    def next_place(self, row, column, after=-1):
        """(whether there is one, which): the first place of a window to be visited after another."""
        found, which = 0, 0
        for place in reversed(range(4)):
            here = self.visits(row, column, place) & (place > after)
            found, which = found | here, Mux(here, place, which)
        return found, which

    @property
    def windows(self):
        return (self.final_row - self.row) * (self.last_column + 1) + self.final_column - self.column + 1

    @property
    def well_formed(self):
        in_order = (self.row < self.final_row) | (self.row == self.final_row) & (self.column <= self.final_column)
        return ((self.width != 0) & (self.height != 0) & (self.padding <= self.pool)
                & self.fits(self.last_column, self.width) & ~self.fits(self.last_column + 1, self.width)
                & self.fits(self.final_row, self.height) & (self.column <= self.last_column)
                & (self.final_column <= self.last_column) & in_order)

    @property
    def instruction(self):
        """Fields of PASS; those that it does not say may have any value."""
        x, y = self.corner(self.column), self.corner(self.row)
        return {"pool": self.pool, "x_first": x, "y_first": y, "x_left": -self.padding,
                "x_last": self.corner(self.last_column), "width": self.width, "height": self.height,
                "row_addr": y * self.width - self.padding, "window_addr": y * self.width + x, "windows": self.windows,
                "planes": self.planes, "plane_stride": self.plane_stride}


def same(value, expected):
    """Whether they are equal in as many bits as ``value`` has."""
    return (value - expected)[:len(value)] == 0


def token_of(x, y, width, height, plane_offset):
    """What the walker tells the rows of a pixel."""
    def near(distance):
        return Mux(distance > MAX_OFFSET, MAX_OFFSET, distance)

    return {"addr": (y * width + x + plane_offset)[:CONFIG.pixel_bits], "left": near(x), "right": near(width - 1 - x),
            "up": near(y), "down": near(height - 1 - y)}


def delayed(m, value, cycles=1, init=0):
    for _ in range(cycles):
        later = Signal.like(Value.cast(value), init=init)
        m.d.sync += later.eq(value)
        value = later
    return value


def walker_proof(m, walker, parts, line=0, row_end=0):
    """An argument of 1 makes a claim false: pixels to a line of the map, the end of a row of windows."""
    given, at, place, plane, running = Signal(Pass), Signal(Pass), Signal(2), Signal(2), Signal()

    # The model.
    more, following = at.next_place(at.row, at.column, place)
    row_ends = at.column == at.last_column - row_end
    pixel_ends = plane == at.planes
    ends = pixel_ends & ~more & (at.row == at.final_row) & (at.column == at.final_column)
    row_then, column_then = Mux(row_ends, at.row + 1, at.row), Mux(row_ends, 0, at.column + 1)
    with m.If(walker.beat):
        m.d.sync += plane.eq(Mux(pixel_ends, 0, plane + 1))
        with m.If(pixel_ends & more):
            m.d.sync += place.eq(following)
        with m.Elif(pixel_ends):
            m.d.sync += [at.row.eq(row_then), at.column.eq(column_then),
                         place.eq(at.next_place(row_then, column_then)[1])]
        with m.If(ends):
            m.d.sync += running.eq(0)
    with m.If(walker.go):
        m.d.sync += [at.eq(given), plane.eq(0), place.eq(given.next_place(given.row, given.column)[1]), running.eq(1)]
    available = ~running | walker.beat & ends
    told = {name: walker.fields[f.offset:f.offset + f.width] for name, f in walker.layout.fields.items()}
    m.d.comb += [Assume(~walker.go | available & given.well_formed),
                 *(Assume(~walker.go | same(told[name], value)) for name, value in given.instruction.items())]

    # The claims.
    x, y = at.corner(at.column) + place % 2, at.corner(at.row) + place // 2
    plane_offset = plane * at.plane_stride
    beat = delayed(m, walker.beat)
    m.d.comb += [
        Assert(walker.available == available), Assert(walker.running == running), Assert(running | ~walker.beat),
        Assert(walker.row.valid == beat),
        Assert(walker.row.swap_row == delayed(m, walker.go & told["load_rows"])),
        *(Assert(~beat | (walker.row[name] == delayed(m, value)))
          for name, value in token_of(x, y, at.width + line, at.height, plane_offset).items()),
    ]

    # What links the model's state to the hardware's, so that induction succeeds.
    m.d.comb += [
        Assert(~running | at.well_formed & at.visits(at.row, at.column, place) & (plane <= at.planes)),
        *(Assert(~running | same(walker._pass[name], value)) for name, value in at.instruction.items()),
        Assert(~running | (walker._dx == place % 2) & (walker._dy == place // 2) & (walker._plane == plane)),
        Assert(~running | same(walker._offset, Mux(place[1], at.width, 0) + plane_offset)),
    ]
    # And what the walker works out a beat, a window, or a pass, ahead.
    x_last, beyond = at.corner(at.last_column), at.corner(at.last_column) + 1 >= at.width
    right, below = at.width - 1 - at.corner(at.column), at.height - 1 - at.corner(at.row)
    m.d.comb += [
        Assert(~running | (walker._plane_ends == pixel_ends)),
        Assert(~running | same(walker._right, right) & same(walker._below, below)),
        Assert(~running | same(walker._right_of_row, at.width - 1 + at.padding)),
        Assert(~running | (walker._before_last == x_last - 1 - at.pool) & (walker._narrow == beyond)),
        Assert(~running | (walker._row_ends == (at.column == at.last_column))),
        Assert(~running | (walker._ends == ((at.row == at.final_row) & (at.column == at.final_column)))),
        Assert(~running | (walker._dx_last == (at.pool & ~((at.column == at.last_column) & beyond)))),
        Assert(~running | (walker._dy_last == (at.pool & (at.corner(at.row) + 1 < at.height)))),
    ]
    return [given.as_value()]


def row_proof(m, row, parts, edge=0, line=0):
    """An argument of 1 makes a claim false: the right edge, pixels to a line of the map."""
    x, y, width, height = pixel = [Signal(SIZE_BITS, name=name) for name in ("x", "y", "width", "height")]
    plane_offset, base = Signal(CONFIG.pixel_bits), Signal(CONFIG.pixel_bits)
    loaded, used = Signal(DESCRIPTOR), Signal(DESCRIPTOR)
    with m.If(row.load):
        m.d.sync += loaded.eq(row.entry)
    with m.If(row.token.swap_row):
        m.d.sync += used.eq(loaded)
    dx, dy = used.dx.as_signed(), used.dy.as_signed()
    m.d.comb += [  # addresses as the compiler makes them, from the channel's base
        Assume(describes(DESCRIPTOR(row.entry))),
        Assume((x < width) & (y < height)),
        *(Assume(row.token[name] == value) for name, value in token_of(*pixel, plane_offset).items()),
        Assume(used.addr == (base + dy * width + dx)[:CONFIG.pixel_bits]),
    ]

    # base + (y + dy) * width + (x + dx), in the order in which it is added up: solvers are poor at rearranging sums.
    address = ((y * (width + line) + x + plane_offset) + (base + dy * width + dx))[:CONFIG.pixel_bits]
    inside = (x + dx >= 0) & (x + dx < width + edge) & (y + dy >= 0) & (y + dy < height)
    here = ((address ^ used.phase) & ((1 << used.interleave) - 1)) == 0
    fed = delayed(m, row.token.valid & inside & here & used.enable)
    word = delayed(m, (address >> used.interleave)[:CONFIG.addr_bits])
    read, = parts.bank.read_ports
    m.d.comb += [
        Assert(~fed | (read.addr == word)),
        # At power-up, before any token, the bank's output shows.
        Assert(row.x == Mux(delayed(m, fed, Row.LATENCY - 1, init=1), delayed(m, read.data), 0)),
        Assert(describes(loaded) & describes(used)),
        Assert(row._shadow == loaded.as_value()), Assert(row._active == used.as_value()),
    ]
    return [*pixel, plane_offset, base]


def describes(descriptor):
    """Whether the compiler writes such a one."""
    near = [distance.as_signed() >= -MAX_OFFSET for distance in (descriptor.dx, descriptor.dy)]
    return near[0] & near[1] & (descriptor.interleave <= INTERLEAVE_BITS)


PROOFS = {Walker: (walker_proof, 2), Row: (row_proof, 4)}  # and cycles of the induction, at least


@pytest.mark.parametrize("component", PROOFS, ids=lambda c: c.__name__)
def test_proof(component, tmp_path):
    pytest.importorskip("z3")
    proof, depth = PROOFS[component]
    proven, output = run_sby(design(component(CONFIG), proof), tmp_path, "smtbmc z3", depth)
    assert proven, output


@pytest.mark.parametrize("component, wrong", [(Walker, "line"), (Walker, "row_end"), (Row, "edge"), (Row, "line")],
                         ids=lambda x: getattr(x, "__name__", x))
def test_a_false_claim_is_refuted(component, wrong, tmp_path):
    pytest.importorskip("z3")
    text = design(component(CONFIG), lambda *on: PROOFS[component][0](*on, **{wrong: 1}))
    proven, output = run_sby(text, tmp_path, "smtbmc z3", depth=7)
    assert not proven and "DONE (FAIL" in output, output
