import itertools
import json
import random

import pytest

from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.pool import Pool
from codesign.search.bench import __main__ as bench
from codesign.search.bench.judge import Judge, Search, best_of_all, tabulated
from codesign.search.bench.table import EPOCHS, LENGTHS, SEED, bench_networks, read_table, tabulate, validation_images
from codesign.search.hypervolume import hypervolume
from codesign.search.prepared import PREPARED, Prepared
from codesign.search.proposers import Proposal
from codesign.search.training import Shared
from codesign.workers import LocalCrew
from tests.codesign.search import sweep_tools
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
    assert set(table) == set(networks) and len(networks) >= 50
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


def test_gains_are_on_random_search_with_the_same_seeds():
    values = bench.summary({"random": [0.5, 0.6, 0.7], "other": [0.6, 0.7, 0.8]})
    assert values["other"]["gain"] == pytest.approx(0.1)
    assert values["other"]["gain_interval"] == (pytest.approx(0.1), pytest.approx(0.1))
    low, high = bench.interval([0.5, 0.6, 0.7])
    assert 0.5 <= low < 0.6 < high <= 0.7


def test_the_command(capsys):
    bench.main(["--search", "nsga2", "--seeds", "2", "--budget", "6", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found["searches"]["6"]) == {"nsga2", "random"} and found["accuracies"] == "tabulated"
    assert all(0 < value < 1 for runs in found["hypervolumes"].values() for run in runs for value in run)
    bench.main(["--search", "random", "--seeds", "2", "--budget", "6"])
    assert "2 seeds; tabulated validation accuracies" in capsys.readouterr().out


@pytest.mark.slow
def test_what_trains_first_is_within_the_budget(judge):
    """Really trained: the same seed conquers the same, and what is spent before is not there for networks."""
    from codesign.train import train

    shared = Shared(train=train, measure=sweep_tools.never, dataset=load_dataset("digits"), seed=SEED)
    with Pool(LocalCrew(2, shared)) as pool:
        for kind in PREPARED:
            first, again = (bench.compare([kind], 1, [4 * EPOCHS], judge, pool)[kind] for _ in range(2))
            assert first == again and 0 <= first[0][0] <= best_of_all(judge)
    paid = Search("fbnet", 0, judge, Prepared(passes=3 * EPOCHS)).run([3 * EPOCHS, 4 * EPOCHS])
    assert paid == [0, Search("fbnet", 0, judge).run([EPOCHS])[0]]
