import pytest

from codesign.sim.depth import allowed_levels, longest_paths, speed_grade

OUT = {"O": "output", "Q": "output", "CO": "output"}


def cell(kind, **connections):
    return {"type": kind, "connections": connections,
            "port_directions": {port: OUT.get(port, "input") for port in connections}}


def module(cells, names, **ports):
    return {"cells": cells, "ports": {name: {"direction": direction, "bits": bits} for name, (direction, bits) in
                                      ports.items()},
            "netnames": {name: {"hide_name": 0, "bits": bits} for name, bits in names.items()}}


def test_levels_are_luts_and_whole_carry_chains():
    """a -> LUT -> two cells of one chain -> MUXF7 -> b: two levels."""
    (path,) = longest_paths({"top": module({
        "a_reg": cell("FDRE", D=["0"], C=[9], Q=[2]),
        "lut": cell("LUT2", I0=[2], I1=["1"], O=[3]),
        "low": cell("CARRY4", S=[3, "0"], DI=["0"], CI=["0"], CO=[4], O=["x"]),
        "high": cell("CARRY4", S=["0"], DI=["0"], CI=[4], CO=["x"], O=[5]),
        "mux": cell("MUXF7", I0=[5], I1=["0"], S=["1"], O=[6]),
        "b_reg": cell("FDRE", D=[6], C=[9], Q=[7]),
    }, {"a": [2], "b": [7]})}, "top")
    assert (path.levels, path.start, path.end, path.ends) == (2, "a", "b", 1)


def test_paths_cross_modules_and_are_told_by_class():
    """The input of one instance is the other's register; both instances are one class."""
    inner = module({"lut": cell("LUT1", I0=[2], O=[3]), "q_reg": cell("FDRE", D=[3], C=[5], Q=[4])},
                   {"d": [2], "q": [4]}, d=("input", [2]), q=("output", [4]))
    top = module({"part_0": {"type": "part", "connections": {"d": [12], "q": [11]}, "port_directions": {}},
                  "part_1": {"type": "part", "connections": {"d": [11], "q": [12]}, "port_directions": {}}}, {})
    (path,) = longest_paths({"part": inner, "top": top}, "top")
    assert (path.levels, path.kind, path.ends) == (1, ("part_#.q", "part_#.q"), 2)
    assert {path.start, path.end} == {"part_0.q", "part_1.q"}


def test_memories_and_enables_are_ends_and_memories_starts():
    paths = longest_paths({"top": module({
        "bank": cell("RAMB36E2", ADDRARDADDR=[2], CLKARDCLK=[9], Q=[3]),
        "lut": cell("LUT1", I0=[3], O=[4]),
        "a_reg": cell("FDRE", D=["0"], C=[9], CE=[4], Q=[2]),
    }, {"a": [2]})}, "top")
    assert [(p.levels, p.end) for p in paths] == [(3, "a.CE"), (1, "bank.ADDRARDADDR")]  # one more at such an end


def test_an_end_that_shares_its_net_is_a_level_away():
    """A LUT is placed beside one register that it drives, not beside two; and a chain beside none."""
    paths = longest_paths({"top": module({
        "a_reg": cell("FDRE", D=["0"], C=[9], Q=[2]),
        "lut": cell("LUT1", I0=[2], O=[3]), "b_reg": cell("FDRE", D=[3], C=[9], Q=[4]),
        "shared": cell("LUT1", I0=[2], O=[5]),
        "c_reg": cell("FDRE", D=[5], C=[9], Q=[6]), "d_reg": cell("FDRE", D=[5], C=[9], Q=[7]),
        "chain": cell("CARRY8", S=[2], DI=["0"], CI=["0"], CO=["x"], O=[8]),
        "e_reg": cell("FDRE", D=[8], C=[9], Q=[10]),
    }, {"a": [2], "b": [4], "c": [6], "d": [7], "e": [10]})}, "top")
    assert {p.end: p.levels for p in paths} == {"b": 1, "c": 2, "d": 2, "e": 2}


@pytest.mark.parametrize("part, clock_hz, levels", [
    ("xczu3eg-sbva484-1-e", 250e6, 11), ("xczu9eg-ffvb1156-2-e", 250e6, 13), (None, 100e6, 28)])
def test_allowed_levels(part, clock_hz, levels):
    assert allowed_levels(clock_hz, speed_grade(part)) == levels
