"""Whether an accelerator fits a board; and if not, which one like it would."""

import dataclasses

from .accelerator import AcceleratorConfig
from .board import Board
from .errors import CodesignError
from .resources import Resources, estimate_resources, excess

__all__ = ["largest_array", "require_fit"]


def largest_array(config: AcceleratorConfig, board: Board) -> AcceleratorConfig | None:
    """The largest square array, of fewer multipliers than ``config``'s or with shallower banks, that is likely to fit
    ``board``, by the estimate of its resources; all else as in ``config`` where that is possible. None: there is none.
    """
    for bank_depth in (config.bank_depth, config.bank_depth // 2, config.bank_depth // 4):
        for n in range(max(config.rows, config.cols) // 4 * 4, 3, -4):
            if (n * n, bank_depth) >= (config.rows * config.cols, config.bank_depth):
                continue
            try:
                smaller = dataclasses.replace(config, rows=n, cols=n, wide_rows=min(config.wide_rows, n),
                                              weight_rows=1, bank_depth=bank_depth, name=f"{n}x{n}")
            except CodesignError:  # the least depth of a bank is reached, or the bus is too narrow
                continue
            if not excess(estimate_resources(smaller, board.family), board):
                return smaller
    return None


def require_fit(config: AcceleratorConfig, board: Board, resources: Resources | None = None) -> None:
    """Raise :class:`CodesignError` where ``resources`` are more than ``board`` has: which, and what would fit instead.

    resources : of all that is to be on the board, the accelerator ``config`` among it; None: the accelerator's estimate
    """
    estimate = estimate_resources(config, board.family)
    needs = resources or estimate
    too_much = excess(needs, board)
    if not too_much:
        return
    besides = {limit: max(0, getattr(needs, key) - getattr(estimate, key))
               for key, limit in (("lut", "luts"), ("ff", "ffs"), ("dsp", "dsps"), ("bram18", "bram18"))}
    room = dataclasses.replace(board, **{limit: max(0, getattr(board, limit) - n) for limit, n in besides.items()})
    smaller = largest_array(config, room)
    advice = "" if smaller is None else (f"; by the estimate, {smaller.rows}x{smaller.cols} with banks of "
                                         f"{smaller.bank_depth} words would fit")
    raise CodesignError(f"Accelerator {config.name}: {', '.join(too_much)}{advice}")
