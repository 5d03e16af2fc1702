import itertools

import pytest

from codesign.accelerator import PRESETS
from codesign.costs.cover import cover, layer_classes
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.network import Network

CONFIG = PRESETS["tiny"]
WIDTHS, POOLS, SHIFTS = (4, 8, 12), (None, 0, 1), ("released", ["up", "down", "left"])


def network(stem, width, pool, shift):
    pools = [] if pool is None else [{"pool": {"padding": pool}}]
    return Network.from_dict({"name": "n", "input": [1, 3, 3], "layers": [
        {"conv": stem}, *pools, {"shift": shift}, {"conv": width}, *pools, {"conv": 6}, "average", {"linear": 3}]})


def propose(choose):
    return network(choose("stem", WIDTHS), choose("width", WIDTHS), choose("pool", POOLS), choose("shift", SHIFTS))


def everything(max_cycles=None):
    """Classes of all networks of the space that there are: two pools without padding leave nothing of 3x3 pixels."""
    classes = set()
    for choices in itertools.product(WIDTHS, WIDTHS, POOLS, SHIFTS):
        try:
            graph = network(*choices).graph()
        except CodesignError:
            continue
        if max_cycles is None or predict(graph, CONFIG).cycles <= max_cycles:
            classes |= layer_classes(graph, CONFIG)
    return classes


def covered(networks):
    return frozenset().union(*(layer_classes(n.graph(), CONFIG) for n in networks))


def test_every_class_is_covered_by_few_networks():
    seen = []
    found = cover(propose, CONFIG, progress=seen.append)
    assert covered(found.networks) == everything()
    assert found.classes == len(everything()) == seen[-1] and seen == sorted(set(seen))
    there_are = len(WIDTHS) ** 2 * 2 * len(SHIFTS)
    assert len(found.networks) <= there_are / 2
    for i, network in enumerate(found.networks):  # each brought something
        assert layer_classes(network.graph(), CONFIG) - covered(found.networks[:i])


def test_the_seed_decides():
    assert cover(propose, CONFIG, seed=1) == cover(propose, CONFIG, seed=1)
    assert cover(propose, CONFIG, seed=1).networks != cover(propose, CONFIG, seed=2).networks


def test_networks_over_the_budget_do_not_count():
    limit = sorted(predict(network(*c).graph(), CONFIG).cycles for c in itertools.product(
        WIDTHS, WIDTHS, (None, 1), SHIFTS))[10]
    found = cover(propose, CONFIG, max_cycles=limit)
    assert covered(found.networks) == everything(limit) < everything()
    assert all(predict(n.graph(), CONFIG).cycles <= limit for n in found.networks)
    assert cover(propose, CONFIG, max_cycles=1, barren=20).networks == ()


@pytest.mark.parametrize("same, other", [((4, 8, None, "released"), (4, 12, None, "released")),
                                         ((4, 8, 1, "released"), (4, 8, None, "released"))])
def test_classes_tell_shapes_and_fusion_apart(same, other):
    a, b = (layer_classes(network(*choices).graph(), CONFIG) for choices in (same, other))
    assert a - b and b - a and layer_classes(network(*same).graph(), CONFIG) == a
