import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.pe import ProcessingElement

from .harness import play

CONFIG = AcceleratorConfig(rows=5, cols=4, bank_depth=64, acc_depth=4, wide_rows=2, bus_bits=64)
PRODUCT = 15 * 8
ABOVE = {False: (3 - 1) * PRODUCT, True: (3 + 16) * PRODUCT}  # the largest sum that comes to the last row of a kind
KINDS = pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])


def drive(wide, inputs):
    """Outputs of each cycle."""
    idle = {"x": 0, "swap": 0, "load": 0, "weight": 0, "psum": 0}
    cycles = [idle | given for given in inputs]
    return cycles, play(ProcessingElement(CONFIG, wide), cycles)


def check(wide, inputs):
    """Everything comes out one cycle later, the sum with the product of the weight that was active."""
    cycles, seen = drive(wide, [*inputs, {}])
    active = shadow = 0
    for given, got in zip(cycles, seen[ProcessingElement.LATENCY:], strict=False):
        total = given["psum"] + given["x"] * active
        if given["swap"]:
            active = shadow
        if given["load"]:
            shadow = given["weight"]
        assert got == {"x_next": given["x"], "swap_next": given["swap"], "load_next": given["load"],
                       "weight_next": shadow, "psum_next": total}


@KINDS
@pytest.mark.parametrize("seed", range(3))
def test_random_commands(wide, seed):
    rng = random.Random(seed)
    check(wide, [{"x": rng.randrange(256 if wide else 16), "swap": rng.random() < 0.3, "load": rng.random() < 0.3,
                  "weight": rng.randrange(-8, 8), "psum": rng.randrange(-ABOVE[wide], ABOVE[wide] + 1)}
                 for _ in range(400)])


@KINDS
def test_every_product_and_the_largest_sums(wide):
    inputs = []
    for weight in range(-8, 8):
        inputs += [{"load": 1, "weight": weight}, {"swap": 1}]
        inputs += [{"x": x, "psum": psum}
                   for x in range(256 if wide else 16) for psum in (-ABOVE[wide], 0, ABOVE[wide])]
    check(wide, inputs)


@KINDS
def test_a_swap_takes_the_weight_from_before_a_load_in_its_cycle(wide):
    inputs = [{"load": 1, "weight": 5}, {"load": 1, "weight": -3, "swap": 1}, {}, {"swap": 1}, {}, {}]
    _, seen = drive(wide, [{"x": 1} | given for given in inputs])
    assert [cycle["psum_next"] for cycle in seen[3:]] == [5, 5, -3]
