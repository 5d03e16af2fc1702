import itertools
import random

import pytest

from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.search.bench.judge import Judge, Search, best_of_all, tabulated
from codesign.search.bench.table import EPOCHS, LENGTHS, bench_networks, read_table, tabulate, validation_images
from codesign.search.hypervolume import hypervolume
from codesign.search.prepared import Prepared
from codesign.search.proposers import Proposal
from tests.codesign.search.sweep_tools import quick_train


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


@pytest.fixture(scope="module")
def judge():
    return Judge(tabulated(read_table(), validation_images()))


def test_the_table_has_every_network_and_training_helps():
    table, networks = read_table(), bench_networks()
    assert set(networks) <= set(table) and len(networks) >= 130
    assert all(0 <= row[epochs] <= validation_images() for row in table.values() for epochs in LENGTHS)
    means = [sum(row[epochs] for row in table.values()) / len(table) for epochs in LENGTHS]
    assert means[0] < means[1] < means[2] and means[2] / validation_images() > 0.9


def test_the_table_is_made_again_where_it_was_stopped(tmp_path):
    """With a training that takes no time: the real one makes the table that is here."""
    networks = dict(list(bench_networks().items())[:3])
    path = tmp_path / "table.csv"
    tabulate(dict(list(networks.items())[:2]), load_dataset("digits"), quick_train, 1, path)
    first = read_table(path)
    tabulate(networks, load_dataset("digits"), quick_train, 1, path)
    assert set(read_table(path)) == set(networks) and first.items() <= read_table(path).items()
    path.write_text("network,epochs3\nabc,1\n")
    with pytest.raises(CodesignError, match="Table '.*' must be readable, with network, epochs24"):
        read_table(path)


def test_epochs_are_counted_alike_and_once(judge):
    """By hand: what is conquered is what the whole trainings paid for so far conquer."""
    search = Search("halving", 1, judge)
    asked = []
    ask = search.proposer.ask

    def recorded(count, known):
        asked.append(ask(count, known))
        return asked[-1]

    search.proposer.ask = recorded
    budget = 12 * EPOCHS
    found, = search.run([budget])
    paid, losses = {}, []
    for outcome, key in judge.outcomes(0, [p for generation in asked for p in generation]):
        paid |= {key: key[1]} if key else {}
        if sum(paid.values()) > budget:
            break
        losses += [outcome.losses] if outcome.losses and outcome.proposal.fidelity == 1 else []
    else:
        pytest.fail("the budget was not used up")
    assert {epochs for _, epochs in paid} == set(LENGTHS) and found == judge.conquered(losses) > 0


def test_the_same_seed_conquers_the_same_and_more_with_more(judge):
    one, other = (Search("nsga2", 3, judge).run([6 * EPOCHS, 24 * EPOCHS]) for _ in range(2))
    assert one == other and 0 < one[0] <= one[1] <= best_of_all(judge)


def test_the_box(judge):
    cycles, luts = judge.space.max_cycles, judge.board.luts * max(judge.space.share)
    assert judge.conquered([(-0.9, cycles / 2, luts / 4)]) == pytest.approx(0.5 * 0.5 * 0.75)
    assert judge.conquered([(-0.79, 0, 0), (-1, cycles, 0)]) == 0


def test_what_is_over_the_budget_costs_nothing(judge):
    points = [Proposal(choices=choices) for choices in judge.space.points()]
    outcomes = judge.outcomes(0, points)
    over = [key for outcome, key in outcomes if outcome.violation > 0]
    assert over and set(over) == {None} and len(over) < len(points)


def test_what_was_trained_before_is_not_there_for_networks(judge):
    paid = Search("fbnet", 0, judge, Prepared(passes=3 * EPOCHS)).run([3 * EPOCHS, 4 * EPOCHS])
    assert paid == [0, Search("fbnet", 0, judge).run([EPOCHS])[0]]
