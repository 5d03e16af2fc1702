# amaranth: UnusedElaboratable=no

import dataclasses
import random
from dataclasses import dataclass

import numpy as np
import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.integer import Layer
from codesign.isa import Isa
from codesign.reference import requantize
from codesign.rtl.column import RAW_BITS, Column, column_token

from .harness import play, wrapped

SQUARE = AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64)
GROUPS = AcceleratorConfig(rows=9, cols=4, bank_depth=64, acc_depth=4, bus_bits=64)
SHARED = AcceleratorConfig(rows=4, cols=11, bank_depth=64, acc_depth=4, bus_bits=64)
UNLIKE = AcceleratorConfig(rows=5, cols=14, bank_depth=64, acc_depth=4, bus_bits=64)
RELOAD = 8  # cycles from a swap until its parameters are no longer read; see timing.column_wait


@dataclass
class Drive:
    """Cycles of inputs, and what has to come out of them: {cycle: outputs}."""

    config: AcceleratorConfig
    position: int = 0

    def __post_init__(self):
        self.column = Column(self.config, self.position)
        self.idle = dict.fromkeys(column_token(self.config).members, 0)
        self.cycles, self.raw, self.written, self.turns = [], {}, {}, set()
        self.memory, self.result = {}, 0
        self.parameters = dict(add=0, mul=0, shift=0, enable=0)
        self.loaded, self.swaps = 1, [-RELOAD, -RELOAD]  # blocks of parameters; cycles of swaps

    def add(self, token=None, **inputs):
        self.cycles.append({"token": self.idle | (token or {}), "load": 0, "psum": 0} | inputs)

    def load(self, **parameters):
        """Into one of the two shadows, as soon as the swap that used it is done with it."""
        self.loaded += 1
        while len(self.cycles) < self.swaps[self.loaded - 2] + RELOAD:  # the last to use this one
            self.add()
        self.add(load=1 << self.loaded % 2, entry=Isa(self.config).column.encode(**parameters))

    def use(self, **parameters):
        """Load and swap; later sums see them."""
        self.load(**parameters)
        self.add(self.swap())
        self.parameters = parameters

    def swap(self):
        self.swaps.append(len(self.cycles))
        return {"swap": 1, "set": (len(self.swaps) - 1) % 2}

    def sum(self, psum, **token):
        """One sum, and the naive model of it."""
        now, token = len(self.cycles), self.idle | {"valid": 1} | token
        self.add(token, psum=psum)
        acc = (psum << 4 * token["scale"]) + (0 if token["first"] else self.memory[token["acc_addr"]])
        if not token["last"]:
            self.memory[token["acc_addr"]] = acc
            return
        p = self.parameters
        if token["raw"]:
            self.raw[now + Column.RAW_LATENCY] = wrapped(acc * p["mul"] + p["add"], RAW_BITS)
            return
        layer = Layer(np.zeros((1, 1), np.int8), *(np.array([p[name]]) for name in ("mul", "add", "shift")))
        q = int(requantize(np.full((1, 1, 1, 1), acc), layer, 8 if token["wide"] else 4)[0, 0, 0, 0])
        self.result = q if token["window_first"] else self.result + q if token["total"] else max(self.result, q)
        if not token["window_last"]:
            return
        for i in range(token["planes"] + 1):
            turn = now + Column.LATENCY + self.column.delay + i * self.config.columns_per_bank
            self.turns.add(turn)
            if p["enable"]:
                self.written[turn] = (
                    (token["out_addr"] + token["out_stride"] * (self.position + i * self.config.columns_per_bank))
                    % self.config.bank_depth,
                    self.result >> 4 * i & 15, token.get("group", 0))

    def check(self):
        last = len(self.cycles)
        for _ in range(Column.LATENCY + self.column.delay + 4 * self.config.columns_per_bank):
            self.add()
        seen = play(self.column, self.cycles)
        assert {t: wrapped(s["raw_data"], RAW_BITS) for t, s in enumerate(seen) if s["raw_valid"]} == self.raw
        assert {t: (s["write_addr"], s["write_data"], s["write_group"])
                for t, s in enumerate(seen) if s["write_enable"]} == self.written
        assert {t + 1 for t, s in enumerate(seen) if s["write_next"]} == self.turns
        assert [s["token_next"] for s in seen[1:last + 1]] == [cycle["token"] for cycle in self.cycles[:last]]


def random_parameters(rng):
    kind = rng.random()
    if kind < 0.2:  # corners
        return dict(mul=rng.choice([0, 1, 65535]), add=rng.choice([-2**39, -1, 0, 2**39 - 1]),
                    shift=rng.choice([0, 1, 46, 47]), enable=1)
    bits = rng.randrange(6, 24)
    return dict(mul=rng.randrange(1 << 15, 1 << 16), add=rng.randrange(-2**(bits + 14), 2**(bits + 14)),
                shift=bits + 16 - 4, enable=rng.random() < 0.9)


def random_pass(drive, rng):
    """Sums over several passes on a few accumulators, then windows of them."""
    config = drive.config
    reach = config.rows * 120
    pixels, passes = rng.randrange(1, 5), rng.randrange(1, 4)
    planes = rng.choice([0, 0, 1, 3])
    total, raw, out = rng.random() < 0.3, rng.random() < 0.2, rng.randrange(64)
    extra = {"out_stride": rng.randrange(64), "wide": rng.random() < 0.3}
    extra |= {"group": rng.randrange(config.bank_groups)} if config.bank_groups > 1 else {}
    scale = rng.randrange(3) if passes > 1 else rng.randrange(4)
    for k in range(passes):
        for pixel in range(pixels):
            drive.sum(rng.choice([-reach, reach, rng.randrange(-reach, reach + 1), rng.randrange(-40, 41)]),
                      first=k == 0, last=k == passes - 1, raw=raw, total=total, acc_addr=pixel, scale=scale,
                      window_first=pixel == 0, window_last=pixel == pixels - 1, out_addr=out, planes=planes, **extra)
            if rng.random() < 0.2:
                drive.add()
    for _ in range(planes * config.columns_per_bank):
        drive.add()


@pytest.mark.parametrize("config, position", [(SQUARE, 0), (GROUPS, 0), (SHARED, 0), (SHARED, 1), (SHARED, 2),
                                              (UNLIKE, 1), (UNLIKE, 2)])
def test_random_passes(config, position):
    rng = random.Random(position)
    drive = Drive(config, position)
    for i in range(250):
        if i % 3 == 0:
            drive.use(**random_parameters(rng))
        random_pass(drive, rng)
    assert len(drive.raw) > 50 and len(drive.written) > 100 and len(drive.turns) > len(drive.written)
    assert len({data for _, data, _ in drive.written.values()}) >= 12
    drive.check()


def test_one_accumulator_cycle_after_cycle():
    """A sum is there for the very next cycle."""
    drive = Drive(SQUARE)
    drive.use(mul=1, add=0, shift=0, enable=1)
    for k in range(20):
        drive.sum(k - 7, first=k == 0, last=0, acc_addr=3)
    drive.sum(1, last=1, raw=1, acc_addr=3)
    assert list(drive.raw.values()) == [sum(range(-7, 13)) + 1]
    drive.check()


def test_a_complete_sum_is_not_kept():
    """What follows at once, or a cycle later, goes on from what was before it."""
    for gap in (0, 1):
        drive = Drive(SQUARE)
        drive.use(mul=1, add=0, shift=0, enable=1)
        drive.sum(5, first=1, last=0, acc_addr=3)
        for psum in (10, 100):
            drive.sum(psum, last=1, raw=1, acc_addr=3)
            for _ in range(gap):
                drive.add()
        assert list(drive.raw.values()) == [15, 105]
        drive.check()


def test_rounds_to_the_floor_and_clamps():
    drive = Drive(SQUARE)
    drive.use(mul=1, add=0, shift=4, enable=1)
    for psum in (-1, 0, 15, 16, 239, 240, 256, 480, -480):
        drive.sum(psum, first=1, last=1, window_first=1, window_last=1)
    assert [data for _, data, _ in drive.written.values()] == [0, 0, 0, 1, 14, 15, 15, 15, 0]
    drive.check()


def test_parameters_change_between_one_sum_and_the_next():
    """The swap goes with the token before; each stage follows it with its own parameter."""
    drive = Drive(SQUARE)
    one = {"first": 1, "last": 1, "window_first": 1, "window_last": 1}
    drive.use(mul=1, add=3, shift=0, enable=1)
    for parameters, psum in ((dict(mul=5, add=16, shift=3, enable=1), 9), (dict(mul=5, add=16, shift=3, enable=0), 9),
                             (dict(mul=2, add=-5, shift=0, enable=1), 8)):
        drive.load(**parameters)
        drive.sum(2, **drive.swap(), **one)
        drive.parameters = parameters
        drive.sum(psum, **one)
    assert [data for _, data, _ in drive.written.values()] == [5, 7, 3, 11]
    drive.check()


@pytest.mark.parametrize("config", [SHARED, UNLIKE], ids=["4x11", "5x14"])
def test_columns_that_share_a_bank_never_write_it_together(config):
    """All take the same beats, a multiple of columns_per_bank apart, each later by its distance in columns."""
    spread = set()
    for position in range(config.columns_per_bank):
        column = Column(config, position)
        spread.add((position * config.rows + column.delay) % config.columns_per_bank)
    assert len(spread) == config.columns_per_bank


def test_two_digits_of_a_weight_times_four_planes():
    """The largest scale: products count 16**4."""
    drive = Drive(dataclasses.replace(SQUARE, acc_bits=32))
    drive.use(mul=1, add=0, shift=16, enable=1)
    for psum in (0, 3, -1, 14, 480):
        drive.sum(psum, first=1, last=1, scale=4, window_first=1, window_last=1)
    assert [data for _, data, _ in drive.written.values()] == [0, 3, 0, 14, 15]
    drive.check()


def test_an_8_bit_maximum_leaves_in_two_words():
    drive = Drive(SHARED, 1)
    drive.use(mul=1, add=0, shift=0, enable=1)
    for i, psum in enumerate((17, 300, 200, -5)):
        drive.sum(psum, first=1, last=1, window_first=i == 0, window_last=i == 3, wide=1, planes=1, out_addr=5,
                  out_stride=7)
    assert list(drive.written.values()) == [(12, 15, 0), (12 + 3 * 7, 15, 0)]
    drive.check()


def test_a_whole_maps_sum_fills_four_words():
    drive, pixels = Drive(SQUARE), 0xFFFF // 15
    drive.use(mul=1, add=0, shift=0, enable=1)
    for i in range(pixels):
        drive.sum(480, first=1, last=1, total=1, window_first=i == 0, window_last=i == pixels - 1, planes=3,
                  out_addr=62, out_stride=1)
    assert list(drive.written.values()) == [(62, 15, 0), (63, 15, 0), (0, 15, 0), (1, 15, 0)]
    drive.check()
