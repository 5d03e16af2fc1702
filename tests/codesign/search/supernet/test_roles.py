import random

import pytest

from codesign.errors import CodesignError
from codesign.graph import Concat, Conv, Linear, Permute, Shift, Slice
from codesign.search.supernet.roles import all_roles, largest, roles, spread
from tests.codesign.search.supernet.spaces import SPACE


def test_narrow_ones_are_part_of_wide_ones():
    for parts in (1, 2, 4):
        for most in (16, 22, 24):
            channels = [set(spread(count, most, parts)) for count in range(4 * parts, most + 1, 4)]
            assert all(max(c) < most for c in channels)
            assert all(a < b for a, b in zip(channels, channels[1:], strict=False))
            assert all(len(c) == count for c, count in zip(channels, range(4 * parts, most + 1, 4), strict=True))
            assert spread(most, most, parts) == tuple(range(most))
    assert spread(8, 16, 4) == (0, 1, 4, 5, 8, 9, 12, 13)


def drawn(generator, size=None):
    """Choices that are a network; ``size`` decides on those that have one."""
    while True:
        choices = SPACE.propose(lambda name, of: generator.choice(of))
        try:
            SPACE.build(choices)
        except CodesignError:
            continue
        return choices


def origins(choices):
    """By convolution: the channels that it reads, each as (who made it, its row there, the ways it was moved)."""
    graph, found, maps = SPACE.build(choices).graph(), {}, []
    places = iter(roles(SPACE, choices))
    for node in graph.nodes:
        x = [maps[i] for i in node.inputs]
        match node.op:
            case Conv() | Linear():
                place = next(places)
                found[place.key] = place, x[0]
                maps.append([(place.key, row, ()) for row in place.rows])
            case Shift(offsets=offsets):
                maps.append([(key, row, (*ways, way)) for (key, row, ways), way in zip(x[0], offsets, strict=True)])
            case Slice(start=start, stop=stop):
                maps.append(x[0][start:stop])
            case Concat():
                maps.append(x[0] + x[1])
            case Permute(order=order):
                maps.append([x[0][i] for i in order])
            case _:
                maps.append(x[0] if x else [("image", i, ()) for i in range(node.shape[0])])
    return found


def test_a_shared_weight_always_joins_the_same_two_channels():
    """Whatever the width: where widths are multiples of four, depths apart."""
    generator, compared = random.Random(0), 0
    for _ in range(60):
        choices = {name: value if not name.endswith("depth") else 1 for name, value in drawn(generator).items()}
        wide = {name: value if name.rpartition(".")[2] not in ("stem", "mix_width", "width", "expansion", "head")
                or value == "none" else largest(SPACE.choices(name)) for name, value in choices.items()}
        narrow, whole = origins(choices), origins(wide)
        assert narrow.keys() == whole.keys()
        for key, (place, sources) in narrow.items():
            for column, (maker, row, ways) in zip(place.columns, sources, strict=True):
                there = whole[key][1][column]
                assert there[:2] == (maker, row)
                # A shift goes by a channel's number, and a block's map has its channels elsewhere in wider ones.
                assert there[2] == ways or ".dirac shift" in key
                compared += 1
    assert compared > 2000


@pytest.mark.parametrize("seed", range(3))
def test_every_network_is_within_the_shared_weights(seed):
    generator, shapes = random.Random(seed), all_roles(SPACE)
    for _ in range(60):
        for place in roles(SPACE, drawn(generator)):
            assert shapes[place.key] == place.shape
            assert max(place.rows) < place.shape[0] and max(place.columns) < place.shape[1]
            assert len(set(place.rows)) == len(place.rows) and len(set(place.columns)) == len(place.columns)
