import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.pe import ProcessingElement

from .harness import play

CONFIG = AcceleratorConfig(rows=5, cols=4, bank_depth=64, acc_depth=4, bus_bits=64)
LIMIT = 5 * 15 * 8


def check(inputs):
    """Everything comes out one cycle later, the sum with the product of the weight that was active."""
    seen = play(ProcessingElement(CONFIG), [*inputs, {}])
    active = shadow = 0
    for given, got in zip(inputs, seen[ProcessingElement.LATENCY:], strict=True):
        total = given["psum"] + given["x"] * active
        if given["swap"]:
            active = shadow
        if given["load"]:
            shadow = given["weight"]
        assert got == {"x_next": given["x"], "swap_next": given["swap"], "load_next": given["load"],
                       "weight_next": shadow, "psum_next": total}


@pytest.mark.parametrize("seed", range(3))
def test_random_commands(seed):
    rng = random.Random(seed)
    check([{"x": rng.randrange(16), "swap": rng.random() < 0.3, "load": rng.random() < 0.3,
            "weight": rng.randrange(-8, 8), "psum": rng.randrange(-LIMIT + 120, LIMIT - 120)} for _ in range(400)])


def test_every_product_and_the_largest_sums():
    inputs = []
    for weight in range(-8, 8):
        inputs.append({"x": 0, "swap": 0, "load": 1, "weight": weight, "psum": 0})
        inputs.append({"x": 0, "swap": 1, "load": 0, "weight": 0, "psum": 0})
        inputs += [{"x": x, "swap": 0, "load": 0, "weight": 0, "psum": psum}
                   for x in range(16) for psum in (-LIMIT + 120, 0, LIMIT - 120)]
    check(inputs)


def test_a_swap_takes_the_weight_from_before_a_load_in_its_cycle():
    idle = {"x": 1, "swap": 0, "load": 0, "weight": 0, "psum": 0}
    inputs = [{"load": 1, "weight": 5}, {"load": 1, "weight": -3, "swap": 1}, {}, {"swap": 1}, {}, {}]
    seen = play(ProcessingElement(CONFIG), [idle | given for given in inputs])
    assert [cycle["psum_next"] for cycle in seen[3:]] == [5, 5, -3]
