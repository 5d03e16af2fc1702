import json

import numpy as np
import pytest

from codesign import reference
from codesign.errors import CodesignError
from codesign.integer import IntegerNetwork
from codesign.model import load_model, model_digest, save_model
from codesign.network import Network
from codesign.random_weights import random_network

NETWORK = Network.from_dict({"name": "n", "input": [2, 6, 6], "layers": [
    {"conv": 8}, "shift", {"block": {"out": 8}}, "average", {"linear": 3}]})


@pytest.fixture
def saved(tmp_path):
    integer = random_network(NETWORK.graph(), 1)
    save_model(tmp_path / "model", NETWORK, integer)
    return tmp_path / "model", integer


def test_round_trip(saved):
    path, integer = saved
    network, loaded = load_model(path)
    assert network == NETWORK and loaded.graph == integer.graph
    assert loaded.info == integer.info and loaded.logit_scale == integer.logit_scale
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 6, 6), dtype=np.uint8)
    assert np.array_equal(reference.evaluate(loaded, images), reference.evaluate(integer, images))
    assert sorted(p.name for p in path.parent.iterdir()) == ["model"]  # nothing temporary is left
    assert sorted(p.name for p in path.iterdir()) == ["integers.npz", "model.json", "network.yaml"]


def test_digest_sees_every_integer(saved):
    _, integer = saved
    digest = model_digest(integer)
    layers = dict(integer.layers)
    assert model_digest(IntegerNetwork(integer.graph, layers, info={"other": 1})) == digest
    assert model_digest(IntegerNetwork(integer.graph, layers, logit_scale=0.5)) != digest
    for field in ("weight", "mul", "add", "shift"):
        array = getattr(layers["conv0"], field)
        array.flat[-1] ^= 1
        assert model_digest(integer) != digest
        array.flat[-1] ^= 1
    assert model_digest(integer) == digest


def test_refuses_an_existing_path_and_leaves_it(saved):
    path, integer = saved
    before = (path / "model.json").read_bytes()
    with pytest.raises(CodesignError, match="Model path must not exist yet, not .*model' which does"):
        save_model(path, NETWORK, integer)
    assert (path / "model.json").read_bytes() == before


def test_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(CodesignError, match="Model .* must be writable: No space left on device"):
        save_model(tmp_path / "model", NETWORK, random_network(NETWORK.graph(), 1))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(CodesignError, match="must be writable"):
        save_model(tmp_path / "file" / "model", NETWORK, random_network(NETWORK.graph(), 1))


def test_refuses_integers_of_another_network(tmp_path):
    other = Network.from_dict({"name": "o", "input": [2, 6, 6], "layers": [{"conv": 8}, "average", {"linear": 3}]})
    with pytest.raises(CodesignError, match="must belong to the network's graph"):
        save_model(tmp_path / "model", other, random_network(NETWORK.graph(), 1))


def _edit_json(path, **changes):
    values = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps({**values, **changes}))


@pytest.mark.parametrize("change, pattern", [
    (lambda p: _edit_json(p, format=2), "model.json format must be 1, not 2"),
    (lambda p: _edit_json(p, format=True), "format must be a int, not True"),
    (lambda p: _edit_json(p, logit_scale=-1.0), "logit_scale must be positive, not -1.0"),
    (lambda p: _edit_json(p, logit_scale=2.0), "integers must be those that were saved"),
    (lambda p: _edit_json(p, extra=1), "model.json must give format, .* and nothing else"),
    (lambda p: (p / "model.json").write_text("{"), "must be text and JSON"),
    (lambda p: (p / "model.json").write_bytes(b"\xff\xfe"), "must be text and JSON"),
    (lambda p: (p / "model.json").unlink(), "must hold readable network.yaml.*No such file"),
    (lambda p: (p / "network.yaml").write_text(NETWORK.to_yaml().replace("8", "9")), "network.yaml must be the one"),
    (lambda p: (p / "integers.npz").write_bytes(b"PK"), "integers.npz must be arrays of integers"),
    (lambda p: np.savez(p / "integers.npz", x=np.array([{}], object)), "integers.npz must be arrays of integers"),
    (lambda p: np.savez(p / "integers.npz", x=np.zeros(3)), "must hold weight, mul, add, shift of every layer"),
    (lambda p: _rewrite(p, "conv0/weight", lambda a: a + 100), r"conv0: weight must be in -8..7"),
    (lambda p: _rewrite(p, "conv0/mul", lambda a: a[:-1]), r"conv0: mul must have shape \(8,\)"),
    (lambda p: _rewrite(p, "conv0/mul", lambda a: a.astype(float)), "conv0/mul must be <i8, not <f8"),
    (lambda p: _rewrite(p, "conv0/mul", lambda a: a ^ 1), "integers must be those that were saved"),
])
def test_refuses_what_was_changed(saved, change, pattern):
    path, _ = saved
    change(path)
    with pytest.raises(CodesignError, match=pattern) as error:
        load_model(path)
    assert "\n" not in str(error.value)


def _rewrite(path, key, change):
    with np.load(path / "integers.npz", allow_pickle=False) as file:
        arrays = dict(file)
    np.savez(path / "integers.npz", **{**arrays, key: change(arrays[key])})


def test_any_flipped_byte_is_refused_or_harmless(saved):
    path, integer = saved
    whole = (path / "integers.npz").read_bytes()
    generator = np.random.default_rng(0)
    for position in generator.integers(0, len(whole), 60):
        broken = bytearray(whole)
        broken[position] ^= 1 << generator.integers(8)
        (path / "integers.npz").write_bytes(broken)
        try:
            _, loaded = load_model(path)
        except CodesignError as e:
            assert "\n" not in str(e)
        else:  # a byte of the archive that carries no data, such as a time
            assert model_digest(loaded) == model_digest(integer)


def test_no_directory(tmp_path):
    with pytest.raises(CodesignError, match="Model must be a directory, not"):
        load_model(tmp_path / "none")
