import dataclasses

import numpy as np
import pytest
import torch

from codesign import reference
from codesign.datasets import Augmentation, StoredImages, load_dataset
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.train import Recipe, accuracy_of, build, train, training_device

DIGITS = load_dataset("digits")
VALIDATION = DIGITS.split_validation(0)
SMALL = Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 12}, "shift", {"block": {"out": 16, "downsample": True}}, "average", {"linear": 10}]})


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _same(a, b):
    return all(np.array_equal(getattr(a.layers[name], f), getattr(b.layers[name], f))
               for name in a.layers for f in ("weight", "mul", "add", "shift"))


@pytest.mark.parametrize("quantizer", ["dorefa", "lsq"])
def test_learns_and_deploys_what_it_reports(quantizer):
    result = train(SMALL, VALIDATION, epochs=6, seed=0, recipe=Recipe(quantizer=quantizer))
    assert result.accuracy > 0.7  # chance is 0.1
    assert result.history[-1]["loss"] < 0.7 * result.history[0]["loss"]
    logits = reference.evaluate(result.integer, VALIDATION.test_images)
    assert result.accuracy == (logits.argmax(axis=1) == VALIDATION.test_labels).mean()
    assert result.integer.info["accuracy"] == result.accuracy
    assert len(result.history) == 6 and result.history[-1]["test_accuracy"] == result.accuracy


def test_after_training_evaluation_mode_is_the_exported_network():
    module = build(SMALL, "dorefa", 0)
    optimizer = torch.optim.SGD(module.parameters(), 0.05)
    images, labels = torch.from_numpy(VALIDATION.train_images[:256]), torch.from_numpy(VALIDATION.train_labels[:256])
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
    module.eval()
    logits = module(torch.from_numpy(VALIDATION.test_images)).numpy()
    assert np.array_equal(logits, reference.evaluate(module.integer(), VALIDATION.test_images))
    assert accuracy_of(module, VALIDATION.test_images, VALIDATION.test_labels) \
        == (logits.argmax(axis=1) == VALIDATION.test_labels).mean()


def test_same_seed_same_integers():
    runs = [train(SMALL, VALIDATION, epochs=1, seed=seed).integer for seed in (1, 1, 2)]
    assert _same(runs[0], runs[1]) and not _same(runs[0], runs[2])


def test_test_part_does_not_reach_the_weights():
    changed = dataclasses.replace(VALIDATION, test_images=255 - VALIDATION.test_images)
    assert _same(train(SMALL, VALIDATION, epochs=1, seed=1).integer, train(SMALL, changed, epochs=1, seed=1).integer)


def test_continues_from_a_checkpoint_to_the_same_integers(tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(epoch, epochs, numbers):
        if epoch == 2:
            raise Interrupted

    path = tmp_path / "run.pt"
    with pytest.raises(Interrupted):
        train(SMALL, VALIDATION, epochs=4, seed=3, checkpoint=path, progress=interrupt)
    seen = []
    resumed = train(SMALL, VALIDATION, epochs=4, seed=3, checkpoint=path, progress=lambda e, n, _: seen.append((e, n)))
    whole = train(SMALL, VALIDATION, epochs=4, seed=3)
    assert seen == [(3, 4), (4, 4)]
    assert _same(resumed.integer, whole.integer) and resumed.history == whole.history
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    with pytest.raises(CodesignError, match="must be of this run, not of another seed"):
        train(SMALL, VALIDATION, epochs=4, seed=4, checkpoint=path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CodesignError, match="Checkpoint .* must be one that training wrote") as error:
        train(SMALL, VALIDATION, epochs=4, seed=3, checkpoint=path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("at", [1, 3, 5])
def test_with_a_teacher_in_float16_it_continues_to_the_same_integers(tmp_path, at):
    class Interrupted(Exception):
        pass

    def interrupt(done, epochs, numbers):
        told.append((done, epochs, numbers["training"]))
        if len(told) == at:
            raise Interrupted

    recipe, path, told = Recipe(teacher_width=2, precision="float16", batch=256), tmp_path / "run.pt", []
    with pytest.raises(Interrupted):
        train(SMALL, VALIDATION, epochs=3, seed=3, checkpoint=path, progress=interrupt, recipe=recipe)
    resumed = train(SMALL, VALIDATION, epochs=3, seed=3, checkpoint=path, progress=interrupt, recipe=recipe)
    whole = train(SMALL, VALIDATION, epochs=3, seed=3, recipe=recipe)
    assert [(done, epochs) for done, epochs, _ in told] == [(i, 6) for i in range(1, 7)]
    assert [part for *_, part in told] == ["teacher"] * 3 + ["network"] * 3
    assert _same(resumed.integer, whole.integer)
    assert resumed.history == whole.history and resumed.teacher_history == whole.teacher_history
    assert len(whole.teacher_history) == 3 and whole.images_per_s > 0


def test_learns_from_its_teacher_alone():
    """With all the weight on the teacher, labels reach the network through it only."""
    recipe = Recipe(teacher_width=1, teacher_weight=1.0)
    result = train(SMALL, VALIDATION, epochs=8, seed=0, recipe=recipe)
    assert result.accuracy > 0.6 and result.teacher_history[-1]["train_accuracy"] > 0.9
    assert not _same(result.integer, train(SMALL, VALIDATION, epochs=6, seed=0).integer)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_learns_in_short_floats(precision):
    result = train(SMALL, VALIDATION, epochs=6, seed=0, recipe=Recipe(precision=precision))
    assert result.accuracy > 0.7
    logits = reference.evaluate(result.integer, VALIDATION.test_images)
    assert result.accuracy == (logits.argmax(axis=1) == VALIDATION.test_labels).mean()


def test_images_on_disk_train_the_same(tmp_path):
    parts = {key: getattr(VALIDATION, key)[:300] for key in ("train_labels", "test_labels")}
    parts |= {key: getattr(VALIDATION, key)[:300, 0] for key in ("train_images", "test_images")}
    np.savez(tmp_path / "own.npz", **parts)
    recipe = Recipe(augmentation=Augmentation(move_pixels=1, mirror=True, rotate_degrees=10), teacher_width=1)
    results = []
    for memory_bytes in (0, 1 << 20):
        data = load_dataset(str(tmp_path / "own.npz"), memory_bytes=memory_bytes)
        assert isinstance(data.train_images, StoredImages) == (memory_bytes == 0)
        results.append(train(SMALL, data, epochs=2, seed=0, recipe=recipe))
    assert _same(results[0].integer, results[1].integer) and results[0].accuracy == results[1].accuracy
    assert results[0].integer.info["dataset_path"] == str(tmp_path / "own.npz")


def test_digits_are_never_mirrored():
    with pytest.raises(CodesignError, match="Augmentation of digits .* must not mirror"):
        train(SMALL, VALIDATION, epochs=1, seed=0, recipe=Recipe(augmentation=Augmentation(mirror=True)))


def test_divergence_is_an_error():
    recipe = Recipe(learning_rate=10, warm_up=0)
    with pytest.raises(CodesignError, match=r"(conv|linear|stage).* must be .* \(the training diverged\)") as error:
        train(SMALL, VALIDATION, epochs=2, seed=0, recipe=recipe)
    assert "\n" not in str(error.value)
    object.__setattr__(recipe, "learning_rate", 1e30)  # beyond what a recipe may say
    with pytest.raises(CodesignError, match=r"Training loss must stay finite, not (nan|inf) \(epoch 1; .*1e\+30\)"):
        train(SMALL, VALIDATION, epochs=1, seed=0, recipe=recipe)


@pytest.mark.parametrize("change, pattern", [
    ({"epochs": 0}, "Epochs must be an integer in 1..100000, not 0"),
    ({"seed": -1}, "Seed must be an integer in 0.."), ({"seed": True}, "Seed must be an integer .*, not True"),
    ({"device": "cuda:99"}, r"Training device must be one that is here \(cpu.*\), not 'cuda:99'"),
])
def test_bad_arguments(change, pattern):
    with pytest.raises(CodesignError, match=pattern):
        train(SMALL, VALIDATION, **{"epochs": 1, "seed": 0, **change})


@pytest.mark.parametrize("name, rank, expected", [
    ("auto", None, "cuda:0"), ("auto", "1", "cuda:1"), ("cuda", "4", "cuda:1"), ("auto", "2", "cuda:2"),
    ("cuda:2", "1", "cuda:2"), ("cpu", "1", "cpu"), ("auto", "second", "cuda:0")])
def test_workers_take_turns_at_the_gpus(monkeypatch, name, rank, expected):
    """Of three, as PyTorch counts them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    if rank is None:
        monkeypatch.delenv("LOCAL_RANK", raising=False)
    else:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert training_device(name) == expected
    with pytest.raises(CodesignError, match=r"here \(cpu, cuda, cuda:0, cuda:1, cuda:2\), not 'cuda:3'"):
        training_device("cuda:3")


def test_without_a_gpu_it_is_the_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert training_device() == "cpu"
    with pytest.raises(CodesignError, match=r"here \(cpu\), not 'cuda'"):
        training_device("cuda")


def test_network_must_fit_the_data():
    with pytest.raises(CodesignError, match=r"Network input must be the data set's \[1, 8, 8\], not \[1, 9, 8\]"):
        train(dataclasses.replace(SMALL, input=(1, 9, 8)), VALIDATION, epochs=1, seed=0)
    three = dataclasses.replace(VALIDATION, classes=("a", "b", "c"))
    with pytest.raises(CodesignError, match="linear must be the data set's 3 classes, not 10"):
        train(SMALL, three, epochs=1, seed=0)


@pytest.mark.parametrize("change, pattern", [
    ({"batch": 1}, "batch must be an integer of at least 2, not 1"), ({"warm_up": 1}, "warm_up must be .*, not 1"),
    ({"learning_rate": "fast"}, "learning_rate must be a number"), ({"teacher_width": 17}, "teacher_width must be"),
    ({"quantizer": "xnor"}, "Quantizer must be one of dorefa, lsq, not 'xnor'"),
    ({"precision": "int8"}, "precision must be one of float32, bfloat16, float16, not 'int8'")])
def test_bad_recipe(change, pattern):
    with pytest.raises(CodesignError, match=pattern):
        Recipe(**change)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what the compiler itself imports
def test_compiled_it_learns_as_well():
    network = Network.from_dict({"name": "n", "input": [1, 8, 8], "layers": [
        {"conv": 12}, "shift", {"conv": 16}, "average", {"linear": 10}]})
    recipe = {"batch": 575}  # half of the images: one size of batches, so one compilation
    result = train(network, VALIDATION, epochs=80, seed=0, recipe=Recipe(compiled=True, **recipe))
    plain = train(network, VALIDATION, epochs=80, seed=0, recipe=Recipe(**recipe))
    assert abs(result.accuracy - plain.accuracy) < 0.1 and plain.accuracy > 0.4
    logits = reference.evaluate(result.integer, VALIDATION.test_images)
    assert result.accuracy == (logits.argmax(axis=1) == VALIDATION.test_labels).mean()


def test_what_cannot_be_compiled_is_told(monkeypatch):
    def fails(module, dynamic):
        def forward(images):
            raise torch._dynamo.exc.Unsupported("no such luck\nlong explanation")
        return forward

    monkeypatch.setattr(torch, "compile", fails)
    with pytest.raises(CodesignError, match="must not be compiled where torch.compile fails: no such luck$"):
        train(SMALL, VALIDATION, epochs=1, seed=0, recipe=Recipe(compiled=True))
