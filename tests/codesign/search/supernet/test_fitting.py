import random
from collections import Counter

import numpy as np
import pytest
import torch

from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.reference import evaluate
from codesign.search import Space
from codesign.search.canonical import choices_of
from codesign.search.supernet.checks import check_elastic
from codesign.search.supernet.fitting import SupernetPlan, batches_of, inherit
from codesign.search.supernet.roles import largest
from codesign.search.supernet.shrinking import ELASTIC, draw_elastic, phase_of
from codesign.search.supernet.weights import Supernet
from codesign.train.loop import settle_statistics
from tests.codesign.search.supernet.spaces import PLAIN, SPACE, few_digits

EPOCHS = 3


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums have an order
    yield
    torch.set_num_threads(threads)


def plan(**changes):
    return SupernetPlan(**{**dict(space=PLAIN, epochs=EPOCHS, seed=0), **changes})


def trained(plan_, dataset, state=None, epochs=1000):
    training = plan_.begin(dataset, state, "cpu")
    while not training.done and epochs:
        training.epoch()
        epochs -= 1
    return training


@pytest.fixture(scope="module")
def finished():
    dataset = few_digits()
    return dataset, trained(plan(), dataset)


def drawn(space, seed):
    return draw_elastic(space, ELASTIC, random.Random(seed))


def test_what_is_elastic_becomes_so_one_after_another():
    phases = [phase_of(done) for done in (0.0, 0.15, 0.3, 0.99)]
    assert phases[0] == frozenset() and phases[3] == frozenset(ELASTIC)
    assert all(a < b for a, b in zip(phases, phases[1:], strict=False))
    assert "depth" in phases[1] and "width" in phases[2] and "expansion" in phases[3]
    seen = [[draw_elastic(SPACE, phase, random.Random(seed)) for seed in range(60)] for phase in phases]
    for phase, of in zip(phases, seen, strict=True):
        for choices in of:
            for name, value in choices.items():
                key = name.rpartition(".")[2]
                if key in phases[3] and key not in phase:
                    assert value == largest(SPACE.choices(name))
    assert {c["mix"] for c in seen[1]} == {1, 2} and {c["stages"] for c in seen[1]} == {0, 1, 2}
    assert {c["stem"] for c in seen[2]} == {4, 8}
    assert {c["mix_width"] for c in seen[3]} == {8, 16}
    assert {c["head"] for c in seen[0]} == {"none", 16, 24}  # is a layer, or is not, from the start


def test_networks_with_more_stages_are_drawn_more_often():
    """Four times as often with one more, of those that there are (a few have maps too small for their pools)."""
    generator = random.Random(0)
    drawn_ = Counter(draw_elastic(PLAIN, ELASTIC, generator)["stages"] for _ in range(2000))
    assert drawn_[1] / drawn_[0] == pytest.approx(4, rel=0.25)


def test_gradients_reach_the_sub_networks_own_weights_alone():
    supernet, choices = Supernet(SPACE, 0), drawn(SPACE, 3)
    places = {place.key.replace(".", "_"): place for place in supernet.sub_network(choices).roles}
    images = torch.from_numpy(few_digits().train_images[:64])
    supernet(choices, images).square().sum().backward()
    for name, parameter in supernet.weights.items():
        key, _, what = name.rpartition(" ")
        assert (parameter.grad is not None) == (key in places), name
        if parameter.grad is not None and what == "weight":
            mine = torch.zeros_like(parameter, dtype=torch.bool)
            mine[np.ix_(places[key].rows, places[key].columns)] = True
            assert parameter.grad[~mine].abs().sum() == 0 < parameter.grad[mine].abs().sum()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_deployed_is_what_the_supernet_computes(finished, seed):
    """Integer logits: the reference's are those of the network in the supernet, bit for bit; and with the statistics of
    the same images, the training's own quantized forward but for what is on the edge of a step."""
    dataset, training = finished
    network = PLAIN.build(drawn(PLAIN, seed))
    choices = choices_of(PLAIN, network)  # of those that build it, the ones whose weights are deployed
    result = inherit(training.plan, training.state(), network, dataset, dataset)
    module = training.supernet.sub_network(choices).inherit(training.supernet.shared)
    settle_statistics(module, batches_of(dataset, training.plan.recipe, "cpu"))
    images = torch.from_numpy(dataset.test_images)
    raw = module.eval()(images)
    assert np.array_equal(evaluate(result.integer, dataset.test_images), raw.numpy().astype(np.int64))
    right = evaluate(result.integer, dataset.test_images).argmax(1) == dataset.test_labels
    assert result.accuracy == right.mean() == result.history[-1]["test_accuracy"]

    seen = torch.from_numpy(dataset.train_images)
    module.train()
    for layer in list(module.layers)[:-1]:
        layer.momentum = 1.0  # the statistics of these images alone
    with torch.no_grad():
        module(seen)
        live = training.supernet(choices, seen)
    integer = module.integer()
    deployed = evaluate(integer, dataset.train_images) * integer.logit_scale
    assert np.abs(deployed - live.numpy()).mean() < 0.02 * live.std().item()


def test_statistics_are_each_networks_own(finished):
    dataset, training = finished
    batches, found = batches_of(dataset, training.plan.recipe, "cpu"), []
    for mix_width in (8, 16):
        choices = {**drawn(PLAIN, 1), "mix_width": mix_width, "stem": 8}
        module = training.supernet.sub_network(choices).inherit(training.supernet.shared)
        before = [layer.mean.clone() for layer in list(module.layers)[:-1]]
        settle_statistics(module, batches)
        after = [layer.mean.clone() for layer in list(module.layers)[:-1]]
        assert all(not torch.allclose(a, b) for a, b in zip(before, after, strict=True))
        found.append(after)
    assert torch.equal(found[0][0], found[1][0])  # the stem's, which sees the same
    assert not torch.allclose(found[0][2], found[1][2][:len(found[0][2])])


def test_a_training_that_stops_goes_on_to_the_same_end(finished):
    dataset, whole = finished
    state = trained(plan(), dataset, epochs=1).state()
    parts = trained(plan(), dataset, state)
    assert parts.history == whole.history
    for name, value in whole.supernet.state_dict().items():
        assert torch.equal(value, parts.supernet.state_dict()[name]), name
    assert len(whole.state()) < len(state)  # its end has no optimizer
    assert trained(plan(), dataset, whole.state(), epochs=0).done
    other = trained(plan(seed=1), dataset, epochs=1)
    assert other.history != whole.history[:1]


def test_checkpoints_of_others_and_broken_ones_are_refused(finished):
    dataset, training = finished
    state = training.state()
    with pytest.raises(CodesignError, match="Supernet's checkpoint must be of this sweep, not of another seed"):
        plan(seed=1).begin(dataset, state, "cpu")
    for broken in (b"", b"nothing", state[:len(state) // 2]):
        with pytest.raises(CodesignError, match="Supernet's checkpoint must be one that its training wrote"):
            plan().begin(dataset, broken, "cpu")


def test_a_training_that_diverges_says_so():
    training = plan().begin(few_digits(), None, "cpu")
    training.epoch()
    next(p for name, p in training.supernet.weights.items() if name == "stem of image gamma").data[0] = float("inf")
    with pytest.raises(CodesignError, match=r"^Supernet's training loss must stay finite, not nan \(epoch 2; try a sm"):
        training.epoch()


def test_a_space_without_anything_to_share_is_refused():
    one = {key: values[:1] for key, values in PLAIN.network.items()}
    alone = Space.from_dict({**PLAIN.to_dict(), "network": {
        **{key: list(values) for key, values in one.items()}, "head": ["none", 24],
        "stage": {key: list(values[:1]) for key, values in PLAIN.stage.items()}}})
    with pytest.raises(CodesignError, match="Space elastic must leave open one of mix, stages, depth"):
        check_elastic(alone)
    with pytest.raises(CodesignError, match="must leave open one of"):
        plan(space=alone).begin(few_digits(), None, "cpu")


@pytest.mark.slow
def test_networks_learn_together():
    """For as many passes over the images as five trainings of 24 epochs take, all networks of the space."""
    dataset = load_dataset("digits").split_validation(0)
    course = plan(epochs=120)
    end = trained(course, dataset).state()
    accuracies = [inherit(course, end, PLAIN.build(drawn(PLAIN, seed)), dataset, dataset).accuracy for seed in range(8)]
    assert np.mean(accuracies) > 0.75, accuracies
