"""What every search algorithm must do: one suite for all of them."""

import random

import pytest

from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.search.pricing import Pricer
from codesign.search.proposers import PROPOSERS, Outcome, Problem, Proposal, make_proposer, neighbours
from codesign.search.space import Space, load_space

SPACE = load_space("digits")
#: 2 x 3 points, all with one stage less than the real ones.
TINY = Space.from_dict({**SPACE.to_dict(), "name": "tiny", "network": {
    "stem": [8, 12], "mix": [1], "mix_width": [8, 12, 16], "stem_pool": ["none"], "shift": ["released"], "stages": [0],
    "head": ["none"], "stage": {"kind": ["plain"], "width": [12], "depth": [1], "pool": ["none"], "expansion": [1]}},
    "share": [0.5]})

GOALS = Goals.of()
PRICES = {space.name: Pricer(space, load_board("ulx3s"), GOALS) for space in (SPACE, TINY)}


def problem(seed, space=SPACE, goals=GOALS):
    return Problem(space=space, seed=seed, goals=goals, price=PRICES[space.name].record)


kinds = pytest.mark.parametrize("kind", PROPOSERS)


def judged(proposals, first):
    """Outcomes as a sweep might have them: a loss is the share of choices that are not the last of their list, some
    miss the budget, some were passed over."""
    outcomes = []
    for number, proposal in enumerate(proposals, first):
        small = [value != SPACE.choices(name)[-1] for name, value in proposal.choices.items()]
        loss = sum(small) / len(small)
        fate = number % 5
        outcomes.append(Outcome(number=number, proposal=proposal, violation=0.5 if fate == 3 else 0.0,
                                losses=None if fate in (3, 4) else (loss, 1 - loss, float(number % 7))))
    return outcomes


def history(kind, generations, seed=1, size=6):
    """Outcomes of as many generations, and the proposer that made them."""
    proposer, outcomes = make_proposer(kind, problem(seed)), []
    for _ in range(generations):
        new = judged(proposer.ask(size, {o.proposal.key for o in outcomes}), len(outcomes))
        proposer.tell(new)
        outcomes += new
    return outcomes, proposer


@kinds
def test_proposals_are_new_different_and_of_the_space(kind):
    outcomes, _ = history(kind, 8)
    keys = [o.proposal.key for o in outcomes]
    assert len(keys) == len(set(keys))
    assert len(keys) == 48 or kind == "netadapt" and len(keys) > 24  # which goes step by step
    for outcome in outcomes:
        choices = outcome.proposal.choices
        assert all(value in SPACE.choices(name) for name, value in choices.items())
        assert choices == SPACE.propose(lambda name, _, choices=choices: choices[name])  # all that matter, no others
        assert 0 < outcome.proposal.fidelity <= 1


@kinds
def test_a_new_one_that_is_told_all_goes_on_as_the_old(kind):
    outcomes, old = history(kind, 6)
    known = {o.proposal.key for o in outcomes}
    expected = old.ask(6, known)
    for parts in (1, 3):
        new = make_proposer(kind, problem(1))
        for part in range(parts):
            new.tell(outcomes[part * len(outcomes) // parts:(part + 1) * len(outcomes) // parts])
        assert new.ask(6, known) == expected and new.ask(6, known) == expected  # asking changes nothing
    other = make_proposer(kind, problem(2))
    other.tell(outcomes)
    assert other.ask(6, known) != expected


@kinds
def test_a_space_is_used_up_without_an_end(kind):
    proposer, known, outcomes = make_proposer(kind, problem(0, TINY)), set(), []
    for _ in range(5):
        proposals = proposer.ask(4, known)
        known |= {p.key for p in proposals}
        new = judged(proposals, len(outcomes))
        outcomes += new
        proposer.tell(new)
    assert {(o.proposal.choices["stem"], o.proposal.choices["mix_width"]) for o in outcomes} == {
        (stem, width) for stem in (8, 12) for width in (8, 12, 16)}
    assert proposer.ask(4, known) == []


def test_what_learns_finds_what_is_better():
    """Means over the last of 12 generations of the loss that is told; random proposals have no reason to go down, and a
    descent goes from the best of this loss to the worst."""
    last = {kind: [] for kind in PROPOSERS if kind not in ("netadapt", "fbnet")}  # what fbnet learns, it learns before
    for kind in last:
        for seed in range(4):
            proposer, outcomes = make_proposer(kind, problem(seed, goals=Goals.of(["accuracy"]))), []
            for _ in range(12):
                proposals = proposer.ask(6, {o.proposal.key for o in outcomes})
                new = [Outcome(number=len(outcomes) + n, proposal=p, losses=(sum(
                    value != SPACE.choices(name)[-1] for name, value in p.choices.items()) / len(p.choices),))
                    for n, p in enumerate(proposals)]
                proposer.tell(new)
                outcomes += new
            last[kind] += [o.losses[0] for o in outcomes[-24:] if o.losses]
    means = {kind: sum(values) / len(values) for kind, values in last.items()}
    assert all(mean < means["random"] - 0.03 for kind, mean in means.items() if kind != "random"), means


def test_neighbours_differ_in_one_choice():
    generator = random.Random(0)
    for _ in range(20):
        at = make_proposer("random", problem(generator.randrange(1000))).ask(1, set())[0]
        for near in neighbours(SPACE, at, 3, generator):
            both = at.choices.keys() & near.choices.keys()
            changed = [name for name in both if at.choices[name] != near.choices[name]]
            assert len(changed) == 1
            if at.choices.keys() != near.choices.keys():
                assert changed[0] == "stages" or changed[0].endswith(".kind")
    assert neighbours(TINY, Proposal(choices=TINY.propose(lambda _, choices: choices[0])), 9, generator) != []


def test_there_is_no_other():
    with pytest.raises(CodesignError, match="Search must be one of .*, not 'luck'"):
        make_proposer("luck", problem(0))
