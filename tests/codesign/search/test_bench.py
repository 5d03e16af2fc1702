import itertools
import random

import pytest

from codesign.search.bench import Judge, compare, interval, search, summary, synthetic_accuracy
from codesign.search.hypervolume import hypervolume
from codesign.search.proposers import make_proposer


def counted(points, reference):
    """Unit cubes of a grid that some point beats."""
    return sum(any(all(p <= c for p, c in zip(point, cube, strict=True)) for point in points)
               for cube in itertools.product(*map(range, reference)))


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_hypervolume_is_what_counting_says(axes):
    generator, reference = random.Random(axes), (5,) * axes
    for count in (0, 1, 2, 5, 12):
        points = [tuple(generator.randrange(7) for _ in reference) for _ in range(count)]
        assert hypervolume(points, reference) == counted(points, reference)


def test_the_same_seed_conquers_the_same():
    judge = Judge(None, None)
    assert search("nsga2", 3, 10, judge) == search("nsga2", 3, 10, Judge(None, None)) > 0
    assert search("random", 3, 30, judge) >= search("random", 3, 10, judge)


def test_synthetic_accuracies_grow_with_training():
    judge = Judge(None, None)
    proposals = make_proposer("random", judge.space, 0, 3).ask(40, set())
    networks = [network for network, _, _ in map(judge._price, proposals) if network is not None]
    assert len(networks) > 10
    short, long = ([synthetic_accuracy(n, epochs) for n in networks] for epochs in (5, 90))
    assert all(0 <= a < b <= 1 for a, b in zip(short, long, strict=True))
    assert len(set(long)) == len({n.digest() for n in networks})


def test_gains_are_on_random_search_with_the_same_seeds():
    found = compare(["nsga2"], 2, 8, Judge(None, None))
    assert set(found) == {"nsga2", "random"}
    values = summary({"random": [0.5, 0.6, 0.7], "other": [0.6, 0.7, 0.8]})
    assert values["other"]["gain"] == pytest.approx(0.1)
    assert values["other"]["gain_interval"] == (pytest.approx(0.1), pytest.approx(0.1))
    low, high = interval([0.5, 0.6, 0.7])
    assert 0.5 <= low < 0.6 < high <= 0.7
