import contextlib
import random

import pytest

from codesign.board import load_board
from codesign.costs import price
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.resources import estimate_resources, excess
from codesign.search.pareto import pareto_front
from codesign.search.solve import solve
from codesign.search.space import load_space

SPACE, BOARD = load_space("digits"), load_board("ulx3s")
CONFIGS = SPACE.configs(BOARD)


def cost(graph, config):
    return price(graph, config, predict=predict, board=BOARD.name)


def networks(count, seed):
    generator = random.Random(seed)
    while count:
        proposal = SPACE.propose(lambda name, choices: generator.choice(choices))
        try:
            yield SPACE.build(proposal), proposal["share"]
        except CodesignError:
            continue
        count -= 1


def test_the_solution_is_the_best_of_all():
    for network, share in networks(2, seed=1):
        pair = solve(network, CONFIGS, BOARD, share, cost)
        graph, everyone = network.graph(), []
        for config in CONFIGS:
            resources = estimate_resources(config, BOARD.family)
            with contextlib.suppress(CodesignError):  # banks too small
                if not excess(resources, BOARD, share):
                    everyone.append((predict(graph, config).cycles, resources.lut))
        assert (pair.price.cycles, pair.resources.lut) == min(everyone)
        assert pair.energy.components["static"] > 0


def test_what_fits_nowhere_is_refused_with_the_reason():
    network, _ = next(networks(1, seed=3))
    with pytest.raises(CodesignError, match="Accelerator must fit digits-.* and 1% of ulx3s: lut must be at most 836"):
        solve(network, CONFIGS, BOARD, 0.01, cost)

    def never(graph, config):
        raise CodesignError("Banks must be deeper")

    with pytest.raises(CodesignError, match="100% of ulx3s: Banks must be deeper"):
        solve(network, CONFIGS, BOARD, 1.0, never)


def test_pareto_front_against_the_definition():
    generator = random.Random(4)
    points = [(generator.randrange(6), generator.randrange(6), generator.randrange(6)) for _ in range(60)]
    front = pareto_front(points, lambda p: p)

    def beats(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    assert set(front) == {p for p in points if not any(beats(q, p) for q in points)}
    assert len(front) == len(set(front)) and pareto_front([], lambda p: p) == []
