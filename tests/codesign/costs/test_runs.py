import dataclasses

import pytest

from codesign.costs.runs import runs_of
from codesign.errors import CodesignError

from .boards import NETWORKS, rows


def test_runs_are_put_together_by_class():
    one = [dataclasses.replace(row, id=i) for i, row in enumerate(rows(NETWORKS[0]), 1)]
    [run] = runs_of(one)
    assert run.value == one[0].value and run.network == one[0].key.shape and run.network_rows == (1,)
    convs = [row for row in one if row.key.operator == "conv"]
    assert len(convs) > 1 and run.found["conv"] == sum(row.value for row in convs)
    assert run.model["conv"] == sum(row.model_value for row in convs)
    assert run.class_rows["conv"] == tuple(row.id for row in convs)
    assert run.layers == pytest.approx(sum(row.value for row in one[1:]))
    assert run.rest == 0


def test_what_the_model_gives_to_no_layer_is_the_rest():
    one = rows(NETWORKS[0])
    [run] = runs_of([dataclasses.replace(one[0], model_value=one[0].model_value + 7), *one[1:]])
    assert run.rest == 7


def test_runs_that_miss_a_part_are_passed_over():
    one, two = rows(NETWORKS[0]), rows(NETWORKS[1], seed=1)
    assert len(runs_of([*one, *two])) == 2
    assert len(runs_of([*one, two[0]])) == 1  # no layers
    assert len(runs_of([*one, *two[1:]])) == 1  # no network
    assert len(runs_of([*one, dataclasses.replace(two[0], model_value=None), *two[1:]])) == 1
    assert runs_of([dataclasses.replace(one[0], value=0), *one[1:]]) == []
    power = dataclasses.replace(two[0], key=dataclasses.replace(two[0].key, quantity="energy"), unit="J")
    assert len(runs_of([*one, power, *two[1:]])) == 1


def test_a_run_is_of_one_network():
    one, two = rows(NETWORKS[0]), rows(NETWORKS[1])
    with pytest.raises(CodesignError, match="Run 'run 0 0 0' must have one row of a network, not 2: rows None, None"):
        runs_of([*one, *two])
