import random

import pytest

from codesign.errors import CodesignError
from codesign.network import Network
from codesign.search.canonical import choices_of
from codesign.search.space import load_space
from tests.codesign.search.supernet.spaces import PLAIN, SPACE


def drawn(space, generator):
    while True:
        choices = space.propose(lambda _, of: generator.choice(of))
        try:
            return choices, space.build(choices)
        except CodesignError:
            continue


@pytest.mark.parametrize("space", [SPACE, PLAIN, load_space("digits")], ids=lambda s: s.name)
def test_a_network_is_built_of_the_choices_found(space):
    generator, ambiguous = random.Random(0), 0
    for _ in range(500):
        choices, network = drawn(space, generator)
        found = choices_of(space, network)
        assert space.build(found) == network
        assert all(value in space.choices(name) for name, value in found.items())
        assert found.keys() == space.propose(lambda name, _, found=found: found[name]).keys()
        ambiguous += {**found, "share": 0} != {**choices, "share": 0}
    assert ambiguous > 0  # else this says less than it seems


def test_of_several_choices_always_the_same():
    base = {"stem": 4, "stem_pool": "none", "shift": "released", "mix_width": 8, "head": "none", "share": 0.2}
    more_mix = {**base, "mix": 2, "stages": 0}
    stage = {**base, "mix": 1, "stages": 1, "stage0.kind": "plain", "stage0.width": 8, "stage0.depth": 1,
             "stage0.pool": "none"}
    assert SPACE.build(more_mix) == SPACE.build(stage)
    assert choices_of(SPACE, SPACE.build(stage)) == more_mix


def test_a_network_of_another_space_is_none_of_it():
    other = Network.from_dict({"name": "other", "input": [1, 8, 8], "layers": [
        {"conv": 4}, "shift", {"conv": 10}, "average", {"linear": 10}]})
    with pytest.raises(CodesignError, match="Network other must be one of the space elastic"):
        choices_of(SPACE, other)
