import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.isa import Isa
from codesign.rtl.row import Row

from .harness import play

CONFIG = AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64)
DEPTH = CONFIG.bank_depth
EDGES = ("left", "right", "up", "down")
IDLE = {"valid": 0, "swap_weights": 0, "swap_row": 0, "left": 0, "right": 0, "up": 0, "down": 0, "addr": 0}


def entry(**fields):
    return Isa(CONFIG).row.encode(**fields)


def write(addr, value):
    return {"write_enable": 1, "write_addr": addr, "write_data": value}


def random_cycles(rng, length):
    """The bank is filled first; a descriptor is not loaded while the one before is swapped in."""
    cycles = []
    for t in range(length):
        token = {name: rng.random() < 0.3 for name in IDLE if name != "addr"} | {"addr": rng.randrange(DEPTH)}
        if t < DEPTH:
            token["valid"] = False
        cycle = {"token": token, "load": 0, "write_enable": 0}
        if not token["swap_row"] and rng.random() < 0.5:
            cycle |= {"load": 1, "entry": entry(addr=rng.randrange(DEPTH), enable=rng.random() < 0.8,
                                                **{edge: rng.random() < 0.3 for edge in EDGES})}
        if t < DEPTH or rng.random() < 0.5:
            cycle |= write(t if t < DEPTH else rng.randrange(DEPTH), rng.randrange(16))
        cycles.append(cycle)
    return cycles


def model(cycles):
    """(activation, swap) that each cycle's token leads to, and where it reads."""
    bank, active, shadow = [0] * DEPTH, dict.fromkeys(("addr", "enable", *EDGES), 0), 0
    answers = []
    for cycle in cycles:
        token = cycle["token"]
        addr = (token["addr"] + active["addr"]) % DEPTH
        outside = any(token[edge] and active[edge] for edge in EDGES)
        fed = token["valid"] and active["enable"] and not outside
        answers.append((bank[addr] if fed else 0, int(token["swap_weights"]), addr if fed else None))
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
    assert [(s["x"], s["swap"]) for s in seen[Row.LATENCY:]] == [a[:2] for a in answers[:-Row.LATENCY]]
    assert [s["token_next"] for s in seen[1:]] == [cycle["token"] for cycle in cycles[:-1]]
    assert sum(x != 0 for x, *_ in answers) > 100


@pytest.mark.parametrize("edge", EDGES)
def test_a_shift_feeds_zero_only_at_its_edge(edge):
    pixels = [IDLE | {"valid": 1}] + [IDLE | {"valid": 1, at: 1} for at in EDGES]
    start = [write(0, 9) | {"token": IDLE, "load": 1, "entry": entry(enable=1, **{edge: 1})},
             {"token": IDLE | {"swap_row": 1}, "load": 0, "write_enable": 0}]
    seen = play(Row(CONFIG), [*start, *({"token": p} for p in pixels), *({"token": IDLE},) * Row.LATENCY])
    assert [s["x"] for s in seen[len(start) + Row.LATENCY:]] == [9] + [0 if at == edge else 9 for at in EDGES]


def test_a_word_can_be_read_by_the_next_cycles_pixel():
    start = [{"token": IDLE, "load": 1, "entry": entry(enable=1, addr=DEPTH - 1)},
             {"token": IDLE | {"swap_row": 1}, "load": 0}]
    pixels = [{"token": IDLE | {"valid": 1, "addr": i}, **write(i, i + 3)} for i in range(8)]  # reads i - 1
    seen = play(Row(CONFIG), [*start, *pixels, *({"token": IDLE, "write_enable": 0},) * Row.LATENCY])
    assert [s["x"] for s in seen[len(start) + Row.LATENCY:]] == [0, *range(3, 10)]
