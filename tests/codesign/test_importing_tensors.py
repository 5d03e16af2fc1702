import numpy as np
import pytest
import torch

from codesign.errors import CodesignError
from codesign.importing_tensors import check_tensors, read_tensors
from tests.released_model import Released, released_model


@pytest.fixture(scope="module")
def state():
    return released_model(8, 10, expansion=3).state_dict()


@pytest.mark.parametrize("wrap", [
    lambda s: s, lambda s: {"state_dict": s, "epoch": 1}, lambda s: {"net": s},
    lambda s: {"net": {f"module.model.{key}": v for key, v in s.items()}},
    lambda s: {key: v for key, v in s.items() if not key.endswith("num_batches_tracked")}])
def test_wrappers_and_prefixes(tmp_path, state, wrap):
    torch.save(wrap(state), tmp_path / "file")
    released = check_tensors(read_tensors(tmp_path / "file"))
    assert (released.base, released.expansion, released.classes) == (8, 3, 10)
    wanted = {key: v for key, v in state.items() if not key.endswith("num_batches_tracked")}
    assert released.tensors.keys() == wanted.keys()
    assert all(np.array_equal(released.tensors[key], v.numpy()) for key, v in wanted.items())


@pytest.mark.parametrize("values, pattern", [
    (3, "must be a state dict .*, not int"), ({"a": 1}, "not a mapping of a$|a must be a tensor, not int"),
    ({}, "not a mapping of nothing"), ([torch.ones(1)], "not list"),
    ({"net": {"a": torch.ones(1), "b": "text"}}, "b must be a tensor, not str"),
    ({3: torch.ones(1)}, "must be a state dict")])
def test_refuses_what_is_no_state_dict(tmp_path, values, pattern):
    torch.save(values, tmp_path / "file")
    with pytest.raises(CodesignError, match=pattern):
        check_tensors(read_tensors(tmp_path / "file"))


def test_pickled_modules_are_not_executed(tmp_path):
    torch.save({"net": Released(8, 10)}, tmp_path / "file")
    with pytest.raises(CodesignError, match=r"must be a state dict, not pickled modules: .*\.state_dict\(\), 'NEW'"):
        read_tensors(tmp_path / "file")


def test_damaged_files(tmp_path, state):
    path = tmp_path / "file"
    with pytest.raises(CodesignError, match="must be readable: No such file"):
        read_tensors(path)
    torch.save(state, path)
    whole = path.read_bytes()
    for broken in (b"", b"PK", b"text\n", whole[:len(whole) // 2], b"\x80\x02}q\x00."[:-2]):
        path.write_bytes(broken)
        with pytest.raises(CodesignError, match="must be a state dict") as error:
            read_tensors(path)
        assert "\n" not in str(error.value)
