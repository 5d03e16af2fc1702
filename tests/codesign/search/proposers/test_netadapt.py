"""The descent on a real space and its exact costs, with made-up accuracies."""

import itertools
import random

import pytest

from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.search.pricing import Pricer
from codesign.search.proposers import Outcome, Problem, make_proposer
from codesign.search.proposers.netadapt import REDUCTION, SHORT
from codesign.search.space import Space, is_size, load_space, size

DIGITS, BOARD = load_space("digits").to_dict(), load_board("ulx3s")
SPACE = Space.from_dict({**DIGITS, "network": {**DIGITS["network"], "stages": [0, 1, 2]},
                         "budget": {"cycles": 3000}})  # larger: a long way down


def problem(constraints=None, objectives=("accuracy", "cycles", "luts"), max_cycles=SPACE.max_cycles, seed=1):
    goals = Goals.of(objectives, constraints, max_cycles)
    return Problem(space=SPACE, seed=seed, goals=goals, price=Pricer(SPACE, BOARD, goals).record)


def accuracy(proposal):
    return random.Random(proposal.key).random()


def descended(given, count=6):
    """(proposer, all proposals of the first descent and what comes with its last generation)."""
    proposer, told = make_proposer("netadapt", given), []
    while not proposer.descend(0)[1]:
        proposals = proposer.ask(count, {o.proposal.key for o in told})
        assert proposals
        new = [Outcome(number=len(told) + n, proposal=p, losses=(-accuracy(p), 0.0, 0.0), accuracy=accuracy(p))
               for n, p in enumerate(proposals)]
        proposer.tell(new)
        told += new
    return proposer, [o.proposal for o in told]


@pytest.fixture(scope="module")
def run():
    given = problem(seed=6)  # whose descent is long
    proposer, _ = descended(given)
    return given, proposer.descend(0)[0]


def cycles(given, proposal):
    return given.price(proposal.choices)["price"]["cycles"]


def steps(trainings):
    """The descent as (network, cuts compared): a whole training, then the short ones of the next step."""
    found = []
    for whole, group in itertools.groupby(trainings, lambda p: p.fidelity == 1):
        if whole:
            found += [(p, []) for p in group]
        else:
            found[-1] = (found[-1][0], list(group))
    return found


def test_every_step_keeps_its_budget_and_is_one_network(run):
    given, trainings = run
    family = [network for network, _ in steps(trainings)]
    assert len(family) >= 8 and {p.fidelity for p in trainings} == {SHORT, 1.0}
    at = [cycles(given, p) for p in family]
    assert at[0] <= SPACE.max_cycles and at == sorted(at, reverse=True) and at[-1] < 0.4 * at[0]
    for (network, cuts), (following, _) in itertools.pairwise(steps(trainings)):
        allowed = (1 - REDUCTION) * cycles(given, network)
        assert cycles(given, following) <= allowed or all(cycles(given, cut) > allowed for cut in cuts)


def test_each_cut_is_the_smallest_that_will_do(run):
    """By trying all the sizes of all the choices."""
    given, trainings = run
    network, cuts = steps(trainings)[0]
    allowed, found = (1 - REDUCTION) * cycles(given, network), {}
    for name, value in network.choices.items():
        for choice in SPACE.choices(name) if is_size(name) else ():
            if size(choice) < size(value):
                choices = SPACE.propose(lambda key, _, name=name, choice=choice: choice if key == name
                                        else network.choices[key])
                try:
                    record = given.price(choices)
                except CodesignError:
                    continue
                if record["price"]["cycles"] <= allowed and size(choice) >= found.get(name, (0, ""))[0]:
                    found[name] = size(choice), record["network_digest"]
    assert {digest for _, digest in found.values()} == {given.price(cut.choices)["network_digest"] for cut in cuts}
    assert len(cuts) >= 4


def test_the_most_accurate_cut_is_the_next_network(run):
    _, trainings = run
    compared = [(cuts, following) for (_, cuts), (following, _) in itertools.pairwise(steps(trainings)) if cuts]
    assert len(compared) >= 5
    for cuts, following in compared:
        assert max(cuts, key=accuracy).choices == following.choices


def test_it_starts_from_the_largest_and_trains_none_that_misses_a_constraint(run):
    given, trainings = run
    assert all(given.goals.violation(given.price(p.choices)) == 0 for p in trainings)
    first = make_proposer("netadapt", problem(max_cycles=10**9)).ask(1, set())[0]
    assert all(size(value) == max(map(size, SPACE.choices(name))) for name, value in first.choices.items()
               if is_size(name))
    assert first.fidelity == 1 and cycles(given, first) > SPACE.max_cycles


@pytest.mark.parametrize(("constraints", "counted"), [
    ({"max-energy-uj": 1.0}, "energy-uj"), ({"max-latency-ms": 0.005}, "latency-ms"), ({"min-fps": 200_000}, "fps"),
    ({"max-params": 100}, "params"), ({"max-cycles": 10**9}, "luts")])
def test_the_budget_counts_what_is_missed_most(constraints, counted):
    given = problem(constraints, ("accuracy", "luts", "params") if counted == "luts" else ("accuracy", "cycles"))
    proposer = make_proposer("netadapt", given)
    assert proposer._budget(proposer._start(0)).name == counted


def test_longer_trainings_are_due_when_no_more_points_are_wanted():
    proposer, told = make_proposer("netadapt", problem()), []
    first = proposer.ask(9, set())
    new = [Outcome(number=n, proposal=p, losses=(-accuracy(p), 0.0, 0.0), accuracy=accuracy(p))
           for n, p in enumerate(first)]
    proposer.tell(new)
    told = {p.key for p in first}
    due = proposer.pending(told)
    assert [p.fidelity for p in due] == [1.0] and due[0] in proposer.ask(9, told)
    assert proposer.pending(told | {due[0].key}) == []
