import copy
import dataclasses
import math

import pytest
import torch

from codesign.board import load_board
from codesign.costs import CostTable, Evidence, Row, layer_keys, network_key
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.search.pricing import Pricer
from codesign.search.proposers import Problem, make_proposer
from codesign.search.supernet.differentiable import COLD, HOT, FbnetPlan, choice_names
from codesign.search.supernet.fitting import SupernetPlan
from codesign.search.supernet.latency import Latency
from tests.codesign.search.supernet.spaces import PLAIN, few_digits

BOARD = load_board("ulx3s")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def warm():
    dataset, plan = few_digits(320), SupernetPlan(space=PLAIN, epochs=4, seed=0)
    training = plan.begin(dataset, None, "cpu")
    while not training.done:
        training.epoch()
    return dataset, plan, training.state()


def plan_of(warm, **changes):
    return FbnetPlan(**{**dict(warm=warm[1], warm_state=warm[2], board=BOARD, beta=2.0, epochs=2), **changes})


def ended(warm, plan, state=None, epochs=100):
    training = plan.begin(warm[0], state, "cpu")
    while not training.done and epochs:
        training.epoch()
        epochs -= 1
    return training


def test_latency_is_that_of_the_solved_accelerators():
    pricer, latency = Pricer(PLAIN, BOARD, Goals.of(max_cycles=PLAIN.max_cycles)), Latency(PLAIN, BOARD)
    for choices in list(PLAIN.points())[::17]:
        cycles = [pricer.record({**choices, "share": share})["price"]["cycles"] for share in PLAIN.share]
        assert latency(choices) == pytest.approx(math.prod(cycles) ** (1 / len(cycles)))
        assert latency(choices) == latency({**choices, "share": PLAIN.share[-1]})


def board_rows(verilog="v"):
    """Of a board whose layers take 1.3 times the model's cycles, and a run 200 more: two networks on each of two
    accelerators."""
    rows, points, configs = [], list(PLAIN.points()), PLAIN.configs(BOARD)
    for choices in (points[0], points[-1]):
        graph = PLAIN.build(choices).graph()
        for config in (configs[0], configs[-1]):
            model = predict(graph, config)
            layers = [round(1.3 * layer.cycles) for layer in model.layers]
            keys = layer_keys(graph, config, BOARD.name, model.layers)
            given = {"unit": "cycles", "method": "measured", "run_id": f"run {len(rows)}", "verilog_digest": verilog,
                     "board_serial": "1"}
            rows.append(Row(key=network_key(graph, config, BOARD.name), value=200 + sum(layers),
                            model_value=model.cycles, **given))
            rows += [Row(key=key, value=cycles, model_value=layer.cycles, **given)
                     for key, cycles, layer in zip(keys, layers, model.layers, strict=True)]
    return tuple(rows)


def test_latency_is_by_a_boards_rows_where_there_are_any():
    model, latency = Latency(PLAIN, BOARD), Latency(PLAIN, BOARD, board_rows())
    choices = list(PLAIN.points())[::17]
    for each in choices:
        assert latency(each) == pytest.approx(200 + 1.3 * model(each), rel=0.03)
    with CostTable(":memory:") as table:
        table.add(board_rows())
        pricer = Pricer(PLAIN, BOARD, Goals.of(max_cycles=PLAIN.max_cycles),
                        Evidence(table, BOARD.name, lambda accelerator: "v"))
        cycles = [pricer.record({**choices[1], "share": share})["price"]["cycles"] for share in PLAIN.share]
    assert latency(choices[1]) == pytest.approx(math.prod(cycles) ** (1 / len(cycles)))


def test_what_says_nothing_of_the_board_leaves_the_model():
    model, elsewhere = Latency(PLAIN, BOARD), [
        dataclasses.replace(row, key=dataclasses.replace(row.key, board="zcu102")) for row in board_rows()]
    for choices in list(PLAIN.points())[::17]:
        assert Latency(PLAIN, BOARD, ())(choices) == model(choices) == Latency(PLAIN, BOARD, elsewhere)(choices)


def test_a_plan_is_of_its_rows_and_goes_to_workers_with_them(warm):
    """And the training minds them: the latencies that it reports are theirs."""
    plan = plan_of(warm, rows=board_rows(), epochs=1)
    sent = copy.deepcopy(plan)
    assert sent.identity(warm[0]) == plan.identity(warm[0])
    identities = [plan_of(warm, epochs=1, rows=rows).identity(warm[0])["costs"]
                  for rows in ((), board_rows(), board_rows("w"), board_rows()[1:])]
    assert identities[0] is None and len(set(identities)) == 4
    without, training = ended(warm, plan_of(warm, epochs=1)), ended(warm, sent)
    assert training.history[0]["latency"] > 1.2 * without.history[0]["latency"]
    assert ended(warm, sent, training.state()).outcome() == training.outcome()
    with pytest.raises(CodesignError, match="must be of this sweep, not of another costs"):
        ended(warm, plan_of(warm, epochs=1), training.state())


def test_it_goes_on_where_it_stopped(warm):
    whole = ended(warm, plan_of(warm))
    parts = ended(warm, plan_of(warm), ended(warm, plan_of(warm), epochs=1).state())
    assert parts.outcome() == whole.outcome() and parts.history == whole.history
    assert [h["tau"] for h in whole.history] == [pytest.approx(HOT), pytest.approx(COLD)]
    probabilities = whole.outcome()["probabilities"]
    assert probabilities.keys() == set(choice_names(PLAIN))
    for name, values in probabilities.items():
        assert len(values) == len(PLAIN.choices(name)) and sum(values) == pytest.approx(1, abs=1e-4)
    with pytest.raises(CodesignError, match="must be of this sweep, not of another beta"):
        ended(warm, plan_of(warm, beta=3.0), whole.state())
    with pytest.raises(CodesignError, match="must begin from a supernet whose training has ended"):
        begun = dataclasses.replace(warm[1], epochs=9).begin(warm[0], None, "cpu")
        begun.epoch()
        plan_of((warm[0], begun.plan, begun.state())).begin(warm[0], None, "cpu")


def test_what_weighs_latency_more_finds_what_is_faster(warm):
    """And what weighs it not at all learns from accuracy, whose gradient has the other direction."""
    outcomes = [ended(warm, plan_of(warm, beta=beta, epochs=5)).outcome() for beta in (0.0, 30.0)]
    latency = Latency(PLAIN, BOARD)

    def likeliest(outcome):
        def choose(name, of):
            weights = outcome["probabilities"].get(name, [1.0, *[0.0] * (len(of) - 1)])
            return of[weights.index(max(weights))]

        return latency(PLAIN.propose(choose))

    assert likeliest(outcomes[1]) < likeliest(outcomes[0])
    assert likeliest(outcomes[1]) < 1.2 * min(map(latency, PLAIN.points()))


def test_proposals_are_by_the_distributions(warm):
    narrow = {name: [1.0, *[0.0] * (len(PLAIN.choices(name)) - 1)] for name in choice_names(PLAIN)}
    wide = {name: [*[0.0] * (len(PLAIN.choices(name)) - 1), 1.0] for name in choice_names(PLAIN)}
    goals = Goals.of(max_cycles=PLAIN.max_cycles)
    problem = Problem(space=PLAIN, seed=0, goals=goals, price=Pricer(PLAIN, BOARD, goals).record,
                      family=[{"beta": 1, "probabilities": narrow}, {"beta": 2, "probabilities": wide}])
    proposer = make_proposer("fbnet", problem)
    first = proposer.ask(4, set())
    assert [(p.choices["mix"], p.choices["share"]) for p in first] == [(1, 0.2), (2, 0.2), (1, 0.5), (2, 0.5)]
    assert [p.choices["stem"] for p in first] == [4, 8, 4, 8]
    known = {p.key for p in first}
    others = proposer.ask(4, known)  # nothing new is likely: as random search
    assert len(others) == 4 and not known & {p.key for p in others}
