import pytest

from codesign.board import load_board
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.network import diracdeltanet
from codesign.resources import estimate_resources, excess
from codesign.search.accelerators import board_configs, survey

GRAPH = diracdeltanet(16, resolution=32, classes=10).graph()


@pytest.mark.parametrize("name", ["ulx3s", "ultra96v2", "zcu102"])
def test_front(name):
    """The front's cycles are the cost model's; nobody beats them, the board's preset included."""
    board = load_board(name)
    configs = board_configs(board)
    assert len({c.digest() for c in configs}) == len(configs) >= 500
    found = survey(GRAPH, board, [*configs, board.preset()], 0.9)
    front = found.front
    assert found.considered == len(configs) + 1 and len(front) >= 5
    assert [c.cycles for c in front] == sorted({c.cycles for c in front})
    assert [c.share for c in front] == sorted((c.share for c in front), reverse=True)
    for c in (front[0], front[-1]):
        prediction = predict(GRAPH, c.config)
        assert (c.cycles, c.counters) == (prediction.cycles, prediction.counters)
        assert 0 < c.share <= 0.9 and not excess(estimate_resources(c.config, board.family), board, 0.9)
    assert front[0].cycles <= predict(GRAPH, board.preset()).cycles


def test_a_smaller_share_takes_smaller_accelerators():
    board = load_board("ulx3s")
    large, small = (survey(GRAPH, board, board_configs(board), share) for share in (0.8, 0.2))
    assert small.too_large > large.too_large
    assert {c.config for c in small.front} <= {c.config for c in large.front}


def test_nothing_will_do():
    board = load_board("ulx3s")
    configs = board_configs(board)
    with pytest.raises(CodesignError, match=f"Accelerator must fit 1% of ulx3s .* at once: of {len(configs)}, "
                                            f"{len(configs)} are too large and 0 hold too little"):
        survey(GRAPH, board, configs, 0.01)
