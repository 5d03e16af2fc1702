"""Where a network can have no accelerator: which resource is short, by how much, and what would do."""

from ..accelerator import AcceleratorConfig
from ..board import Board, board_names, load_board
from ..errors import CodesignError
from ..graph import Graph
from ..resources import KINDS, estimate_resources, exceeding
from ..schedule import schedule
from .accelerators import board_configs
from .enumeration import SHARE, Enumeration, capacity, limits

__all__ = ["why_none"]


def why_none(tried: Enumeration) -> str:
    """The reason that ``tried`` found nothing, in a line."""
    board, where = tried.board, f"Accelerator must fit {tried.board.name}"
    if tried.least_memory is not None:
        return (f"{where} and its {board.memory_bytes:,} bytes of memory: program, image and results take at least "
                f"{tried.least_memory:,}{_elsewhere(tried.graph, board)}")
    if tried.small:
        one = min(tried.small, key=capacity).config
        return (f"{where} and hold the network's maps, which none of {len(tried.small):,} within the limits do, the "
                f"largest with {one.rows} banks of {one.bank_depth:,} words: {_problem(tried, one)}"
                f"{_elsewhere(tried.graph, board)}")
    if tried.closest is None:
        return f"{where}: there is none to choose from"
    _, over, resources = tried.closest
    needs = ", ".join(f"{getattr(resources, kind):,} {KINDS[kind]} of {max(0, tried.allowed[kind]):,} "
                      f"({more:,} too many)" for kind, more in over.items())
    side = _largest_side(tried.graph, board)
    advice = (_elsewhere(tried.graph, board) if side is None else
              f"; the largest that fits within {SHARE:.0%} of the board is {side}x{side}")
    return f"{where} within the limits: the one that is nearest needs {needs}{advice}"


def _problem(tried: Enumeration, config: AcceleratorConfig) -> str:
    try:
        schedule(tried.graph, config)
    except CodesignError as e:
        return str(e)
    raise AssertionError(f"{config.name} holds the maps")


def _squares(graph: Graph, board: Board) -> list[AcceleratorConfig]:
    """Square arrays for ``board``, of all sizes of memory."""
    return [config for config in board_configs(board, graph) if config.rows == config.cols]


def _largest_side(graph: Graph, board: Board) -> int | None:
    """Rows and columns of the largest square array that the board has room for beside its system, if any."""
    allowed = limits(board)
    return max((config.rows for config in _squares(graph, board)
                if not exceeding(estimate_resources(config, board.family), allowed)), default=None)


def _elsewhere(graph: Graph, board: Board) -> str:
    """Which of the boards known have an accelerator for the network."""
    found = []
    for name in board_names():
        other = load_board(name)
        if name != board.name:
            there = Enumeration(graph, other, limits(other))
            there.consider(_squares(graph, other))
            found += [name] if there.runs() else []
    return f"; {', '.join(found)} would do" if found else "; no board known would do"
