import random

from codesign.accelerator import PRESETS
from codesign.integer import ADD_BITS, MUL_BITS
from codesign.rtl.scaler import Scaler

from .harness import play

CONFIG = PRESETS["ultra96"]


def corner(rng, low, high):
    return rng.choice([low, high, 0, rng.randrange(low, high + 1)])


def test_each_operand_counts_from_its_own_cycle_on():
    """A gain meets the accumulator of its own cycle; an offset, that of the cycle before."""
    rng, cycles, expected = random.Random(0), [], []
    reach = 1 << CONFIG.acc_bits - 1
    for _ in range(2000):
        cycles.append({"acc": corner(rng, -reach, reach - 1), "mul": corner(rng, 0, 2**MUL_BITS - 1),
                       "add": corner(rng, -2**(ADD_BITS - 1), 2**(ADD_BITS - 1) - 1),
                       "load_mul": rng.randrange(2), "load_add": rng.randrange(2)})
    mul = add = 0
    for now, after in zip(cycles, cycles[1:], strict=False):
        mul = now["mul"] if now["load_mul"] else mul
        add = after["add"] if after["load_add"] else add
        expected.append(now["acc"] * mul + add)
    seen = play(Scaler(CONFIG), cycles)
    assert [s["result"] for s in seen[Scaler.LATENCY:]] == expected[:len(cycles) - Scaler.LATENCY]
    assert min(expected) < -2**42 and max(expected) > 2**42
