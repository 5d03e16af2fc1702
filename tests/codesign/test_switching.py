import pytest

from codesign.energy import Energy
from codesign.switching import COMPONENTS, COUNTED_AS, Switching, compare, switching_energy

COUNTED = Energy({"array": 3.0, "stream": 1.0, "banks": 2.0, "accumulators": 4.0, "requantizers": 1.0, "memory": 50.0,
                  "control": 1.0, "static": 100.0})


def energy(family="ecp5", cycles=100, **counts):
    return switching_energy({"array": Switching(**counts)}, cycles, family).components["array"]


def test_each_kind_of_event_by_hand():
    assert energy(transitions=1000) == pytest.approx(1000 * 1.92e-13 * 1.1**2 / 2)
    assert energy("xcup", transitions=1000) == pytest.approx(1000 * 1.92e-13 * 0.43 * 0.85**2 / 2)
    assert energy(flip_flops=10) == pytest.approx(10 * 100 * 12e-15)
    assert energy(ram_port_cycles=7) == pytest.approx(7 * 9e-12)
    assert energy(multiplier_transitions=8) == pytest.approx(8 * 1.09e-12 / 2)


def test_counts_add_up():
    one = Switching(transitions=1, flip_flops=2, ram_port_cycles=3, multiplier_transitions=4)
    assert one + one == Switching(transitions=2, flip_flops=4, ram_port_cycles=6, multiplier_transitions=8)


def test_components_are_compared_with_what_counts_them():
    """Memory and static power are outside the netlist."""
    switched = Energy(dict.fromkeys(COMPONENTS, 3.0))
    parts = {part.component: part for part in compare(COUNTED, switched)}
    assert {name: part.counters_j for name, part in parts.items()} == {
        "array": 3, "banks": 2, "columns": 5, "control": 2, "total": 12}
    assert parts["banks"].ratio == 1.5 and parts["total"].switching_j == 12 and parts["total"].ratio == 1
    assert {c for group in COUNTED_AS.values() for c in group} == set(COUNTED.components) - {"memory", "static"}
    nothing = compare(Energy({**COUNTED.components, "array": 0.0}), switched)[0]
    assert nothing.ratio is None and nothing.to_dict()["ratio"] is None
