import copy
import json
import random
from pathlib import Path

import pytest

from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.network import Network
from codesign.search import SweepOptions
from codesign.search.space import Space, load_space, space_names


def draw(space, generator):
    return space.propose(lambda name, choices: generator.choice(choices))


def test_the_built_in_space_is_read_and_written():
    assert space_names() == ["digits"]
    space = load_space("digits")
    assert Space.from_dict(space.to_dict()) == space
    configs = space.configs(load_board("ulx3s"))
    assert len({c.digest() for c in configs}) == len({c.name for c in configs}) == 3 * (2 + 2 + 1)
    assert {c.clock_hz for c in configs} == {75_000_000}
    assert {c.weight_rows * c.cols for c in configs} <= {4, 8, 16}  # what 64 bits have room for
    assert configs[0].name == "ulx3s-4x4-weight_rows1"  # what there is no choice of is left out


def test_wide_rows_are_the_presets_unless_the_space_says():
    values, board = load_space("digits").to_dict(), load_board("ulx3s")
    values["accelerator"] = {"rows": [4, 16]}
    assert [(c.rows, c.wide_rows) for c in Space.from_dict(values).configs(board)] == [(4, 4), (16, 6)]
    values["accelerator"] = {"rows": [4, 16], "wide_rows": [0, 8]}
    configs = Space.from_dict(values).configs(board)  # 8 wide rows of 4 there are not
    assert [(c.rows, c.wide_rows) for c in configs] == [(4, 0), (16, 0), (16, 8)]


def test_a_space_may_leave_the_budget_to_the_sweep():
    values = {key: value for key, value in load_space("digits").to_dict().items() if key != "budget"}
    space, board = Space.from_dict(values), load_board("ulx3s")
    assert space.max_cycles is None and space.to_dict() == values
    with pytest.raises(CodesignError, match="Sweep must have a limit on an image's time, by the space's budget of "
                                            "cycles or by --max-latency-ms, --max-cycles, --min-fps, not none$"):
        SweepOptions(out=Path("out"), space=space, board=board, constraints={"max-luts": 12_000})
    for bounds in ({"max-latency-ms": 0.02}, {"max-cycles": 1500}, {"min-fps": 50_000}):
        options = SweepOptions(out=Path("out"), space=space, board=board, constraints=bounds)
        assert Goals.of_settings(options.settings()) == options.goals
        assert [c.metric.option for c in options.goals.constraints] == list(bounds)


def test_most_proposals_are_networks_of_every_kind():
    space, generator, built, kinds = load_space("digits"), random.Random(0), 0, set()
    for _ in range(200):
        proposal = draw(space, generator)
        try:
            network = space.build(proposal)
        except CodesignError as e:
            assert "must see a map" in str(e)
            continue
        built += 1
        assert network.input == (1, 8, 8) and network.graph().classes == 10
        assert Network.from_dict(network.to_dict()) == network
        kinds |= {layer.kind for layer in network.layers}
        assert space.build(proposal).digest() == network.digest()
    assert built > 150 and kinds == {"conv", "pool", "shift", "block", "average", "linear"}


def test_all_points_of_a_small_space():
    """Against the product of all lists, less what does not matter."""
    values = load_space("digits").to_dict()
    values["network"] |= {"stem": [4, 8], "shift": ["released"], "mix": [1], "mix_width": [8, 16], "stages": [0, 2],
                          "head": ["none"], "stage": {"kind": ["plain", "dirac"], "width": [12, 16], "depth": [1],
                                                      "pool": ["none", 0], "expansion": [1]}}
    space = Space.from_dict({**values, "share": [0.1, 0.2]})
    points = list(space.points())
    assert len({json.dumps(point, sort_keys=True) for point in points}) == len(points) == 2 * 2 * 2 * (1 + 6 * 6)
    for point in points:
        assert space.propose(lambda name, choices, point=point: point[name]) == point
        assert all(value in space.choices(name) for name, value in point.items())


def test_only_what_matters_is_asked_for():
    space = load_space("digits")
    asked = []

    def choose(name, choices):
        asked.append(name)
        return {"stages": 2, "stage0.kind": "plain", "stage1.kind": "dirac"}.get(name, choices[0])

    proposal = space.propose(choose)
    assert asked == list(proposal)
    assert "stage0.pool" in proposal and "stage0.expansion" not in proposal
    assert "stage1.expansion" in proposal and "stage1.pool" not in proposal and "stage2.kind" not in proposal


def _change(values, path, value):
    values = copy.deepcopy(values)
    at = values
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return values


@pytest.mark.parametrize(("path", "value", "message"), [
    (("colour",), "red", "Space file key must be one of .*, not 'colour'"),
    (("input",), [1, 0, 8], r"Space input must be \[channels, height, width\], not \[1, 0, 8\]"),
    (("classes",), True, "Space classes must be an integer in 1..1000000000, not True"),
    (("network", "stem"), [16, 0], "Space network stem must be channels in 1..16384, not 0"),
    (("network", "stem"), [], r"Space network stem must be a list of 1..100 choices, not \[\]"),
    (("network", "stem"), [16, 16], "Space network stem must not repeat a choice"),
    (("network", "stem"), 16, "Space network stem must be a list"),
    (("network", "stages"), [1, "two"], "Space network stages must be integers in 0..16, not 'two'"),
    (("network", "stage", "kind"), ["mobile"], "Space network stage kind must be plain or dirac, not 'mobile'"),
    (("network", "stage", "pool"), [2], "Space network stage pool must be none, 0 or 1, not 2"),
    (("network", "shift"), ["diagonal"], "Space network shift must be released or a list of directions"),
    (("accelerator", "lanes"), [4], "Space accelerator key must be one of rows, .*, not 'lanes'"),
    (("accelerator", "wide_rows"), [-1], "Space accelerator wide_rows must be integers in 0..128, not -1"),
    (("accelerator",), {"rows": list(range(4, 64)), "cols": list(range(4, 14))},
     "Space accelerator must have at most 500 combinations, not 600"),
    (("share",), [0], "Space share must be numbers in 0..1, not 0"),
    (("budget", "cycles"), 0, "Space budget cycles must be an integer in 1..1000000000, not 0"),
    (("network",), None, "Space network must be a mapping, not None"),
])
def test_bad_spaces_are_refused_in_one_line(path, value, message):
    with pytest.raises(CodesignError, match=message) as e:
        Space.from_dict(_change(load_space("digits").to_dict(), path, value))
    assert "\n" not in str(e.value)


def test_bad_references_are_refused(tmp_path):
    with pytest.raises(CodesignError, match="Space must be one of digits or a .yaml file, not 'imagenet'"):
        load_space("imagenet")
    with pytest.raises(CodesignError, match="must be readable"):
        load_space(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(CodesignError, match="must be YAML"):
        load_space(str(tmp_path / "bad.yaml"))
    impossible = Space.from_dict(_change(load_space("digits").to_dict(), ("accelerator",), {"acc_depth": [3]}))
    with pytest.raises(CodesignError, match="must allow a configuration on ulx3s: Accelerator acc_depth must be"):
        impossible.configs(load_board("ulx3s"))
