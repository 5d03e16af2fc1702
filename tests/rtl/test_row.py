import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.isa import MAX_OFFSET, Isa
from codesign.rtl.row import Row

from .harness import play

CONFIG = AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, wide_rows=1, bus_bits=64)
DEPTH, PIXELS = CONFIG.bank_depth, 1 << CONFIG.pixel_bits
EDGES = {"left": ("dx", -1), "right": ("dx", 1), "up": ("dy", -1), "down": ("dy", 1)}
FAR = dict.fromkeys(EDGES, MAX_OFFSET)
IDLE = {"valid": 0, "swap_weights": 0, "swap_row": 0, **FAR, "addr": 0}


def entry(**fields):
    return Isa(CONFIG).row.encode(**fields)


def write(addr, value):
    return {"write_enable": 1, "write_addr": addr, "write_data": value}


def fill(values):
    """Cycles that write the bank's first words."""
    return [{"token": IDLE, "load": 0, **write(addr, value)} for addr, value in enumerate(values)]


def use(**fields):
    """Cycles that load a descriptor and swap it in."""
    return [{"token": IDLE, "load": 1, "entry": entry(enable=1, **fields), "write_enable": 0},
            {"token": IDLE | {"swap_row": 1}, "load": 0}]


def feed(start, tokens, output="x"):
    """What the ``tokens``' pixels give, after the cycles ``start``."""
    pixels = [{"token": IDLE | {"valid": 1} | token} for token in tokens]
    seen = play(Row(CONFIG), [*start, *pixels, *[{"token": IDLE}] * Row.LATENCY])
    return [s[output] for s in seen[len(start) + Row.LATENCY:]]


def random_entry(rng):
    interleave = rng.randrange(3)
    return entry(addr=rng.randrange(PIXELS), enable=rng.random() < 0.8, interleave=interleave,
                 phase=rng.randrange(1 << interleave), wide=rng.random() < 0.5,
                 **{d: rng.choice([0, 0, *range(-MAX_OFFSET, MAX_OFFSET + 1)]) for d in ("dx", "dy")})


def random_cycles(rng, length):
    """The bank is filled first; a descriptor is not loaded while the one before is swapped in."""
    cycles = []
    for t in range(length):
        token = {name: rng.random() < 0.3 for name in IDLE} | {"addr": rng.randrange(PIXELS)}
        token |= {edge: rng.choice([MAX_OFFSET, rng.randrange(MAX_OFFSET + 1)]) for edge in EDGES}
        token["valid"] = t >= DEPTH and rng.random() < 0.8
        cycle = {"token": token, "load": 0, "write_enable": 0}
        if not token["swap_row"] and rng.random() < 0.5:
            cycle |= {"load": 1, "entry": random_entry(rng)}
        if t < DEPTH or rng.random() < 0.5:
            cycle |= write(t if t < DEPTH else rng.randrange(DEPTH), rng.randrange(16))
        cycles.append(cycle)
    return cycles


def model(cycles):
    """(activation, high, swap) that each cycle's token leads to, and where it reads."""
    bank, active, shadow = [0] * DEPTH, Isa(CONFIG).row.decode(0), 0
    answers = []
    for cycle in cycles:
        token = cycle["token"]
        word, phase = divmod((token["addr"] + active["addr"]) % PIXELS, 1 << active["interleave"])
        outside = any(sign * active[d] > token[edge] for edge, (d, sign) in EDGES.items())
        fed = token["valid"] and active["enable"] and not outside and phase == active["phase"]
        where = word % DEPTH if fed else None
        answers.append((bank[where] if fed else 0, active["wide"], int(token["swap_weights"]), where))
        if token["swap_row"]:
            active = Isa(CONFIG).row.decode(shadow)
        if cycle["load"]:
            shadow = cycle["entry"]
        if cycle["write_enable"]:
            bank[cycle["write_addr"]] = cycle["write_data"]
    return answers


@pytest.mark.parametrize("seed", range(4))
def test_random_tokens(seed):
    cycles = random_cycles(random.Random(seed), 1500)
    answers = model(cycles)
    for t, cycle in enumerate(cycles):  # a word written while a pixel's token is on its way may be seen or not
        if cycle["write_enable"] and cycle["write_addr"] in {where for *_, where in answers[max(0, t - 1):t + 1]}:
            cycle["write_enable"] = 0
    answers = model(cycles)
    seen = play(Row(CONFIG), cycles)
    assert [(s["x"], s["high"], s["swap"]) for s in seen[Row.LATENCY:]] == [a[:3] for a in answers[:-Row.LATENCY]]
    assert [s["token_next"] for s in seen[1:]] == [cycle["token"] for cycle in cycles[:-1]]
    assert sum(x != 0 for x, *_ in answers) > 100


@pytest.mark.parametrize("reach", range(1, MAX_OFFSET + 1))
@pytest.mark.parametrize("edge", EDGES)
def test_a_shift_feeds_zero_only_near_its_edge(edge, reach):
    field, sign = EDGES[edge]
    found = feed([*fill([9]), *use(**{field: sign * reach})],
                 [{}, *({at: distance} for at in EDGES for distance in range(MAX_OFFSET + 1))])
    assert found == [9] + [0 if at == edge and distance < reach else 9
                           for at in EDGES for distance in range(MAX_OFFSET + 1)]


@pytest.mark.parametrize("interleave, phase", [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)])
def test_an_interleaved_channel_feeds_the_pixels_of_its_phase(interleave, phase):
    """Pixel p, here from the channel's base on, is word p >> interleave of the bank of its low bits."""
    base, count = 3, 16
    words = [0] * base + [5 + k % 11 for k in range(count)]
    found = feed([*fill(words), *use(addr=base << interleave, interleave=interleave, phase=phase)],
                 [{"addr": p} for p in range(count)])
    assert found == [words[base + (p >> interleave)] if p % (1 << interleave) == phase else 0 for p in range(count)]


def test_a_shift_of_an_interleaved_channel_goes_to_the_neighbours_bank():
    """One pixel to the left of offset p: what is fed is pixel p - 1, where that is of the bank's phase."""
    found = feed([*fill([3, 4, 5, 6]), *use(addr=PIXELS - 1, interleave=1, phase=1)],
                 [{"addr": p} for p in range(1, 9)])  # reads pixels 0..7
    assert found == [0, 3, 0, 4, 0, 5, 0, 6]


FIRST = {"addr": 0, "interleave": 1, "phase": 1, "wide": 1}
SECOND = {"addr": 4, "interleave": 2, "phase": 2, "wide": 0}


@pytest.mark.parametrize("one, other", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_swap_right_behind_a_pixel_leaves_it_alone(one, other):
    """The pixel with the swap goes by the old descriptor to its end, the next one by the new."""
    def fed(pixel, row):
        word, phase = divmod(pixel + row["addr"], 1 << row["interleave"])
        return words[word] if phase == row["phase"] else 0

    words = list(range(1, 16))
    start = [*fill(words), *use(**one), {"token": IDLE, "load": 1, "entry": entry(enable=1, **other)},
             {"token": IDLE, "load": 0}]
    for last in range(8):
        tokens = [{"addr": p, "swap_row": p == last} for p in range(16)]
        rows = [one if p <= last else other for p in range(16)]
        assert feed(start, tokens) == [fed(p, row) for p, row in enumerate(rows)]
        assert feed(start, tokens, "high") == [row["wide"] for row in rows]


def test_a_word_can_be_read_by_the_next_cycles_pixel():
    start = use(addr=PIXELS - 1)
    pixels = [{"token": IDLE | {"valid": 1, "addr": i}, **write(i, i + 3)} for i in range(8)]  # reads i - 1
    seen = play(Row(CONFIG), [*start, *pixels, *[{"token": IDLE, "write_enable": 0}] * Row.LATENCY])
    assert [s["x"] for s in seen[len(start) + Row.LATENCY:]] == [0, *range(3, 10)]
