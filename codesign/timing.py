"""The pipeline's latencies in cycles: what the RTL is built to and what the cost model counts with."""

from .accelerator import AcceleratorConfig

__all__ = ["ARRAY_LOAD", "COLUMN", "COLUMN_RAW", "FETCH_BEAT", "FETCH_CREDIT", "FETCH_START", "ROW", "WALK", "WRITE",
           "column_wait", "drain", "first_sum", "result_interval", "row_wait"]

FETCH_START = 2  # from a run's first cycle to the first read request
FETCH_BEAT = 3  # from a beat's arrival to its first word's being there
FETCH_CREDIT = 3  # from when a beat's last word is taken to the read request that its place allows
WALK = 1  # from a beat's issue to its tokens
ROW = 3  # from a row's token to its activation: address, bank, output register
ARRAY_LOAD = 3  # from a weight word's register to the elements: no sooner than the swap handed over as it was taken
COLUMN = 9  # from a sum to its result's first word: accumulate 3, multiply, add, shift, clamp, pool, output
COLUMN_RAW = 5  # from a complete sum to its raw result
WRITE = 3  # from the value that completes a beat to its write request


def first_sum(config: AcceleratorConfig) -> int:
    """From a beat's issue to its sum at the first column; column c's comes c cycles later."""
    return WALK + ROW + config.rows


def drain(config: AcceleratorConfig) -> int:
    """From a beat's issue until all its results can be read back from the banks, at most.

    The first column's sum, one cycle a column, a result's four words and the turn at a shared bank port, the
    bank itself.
    """
    return first_sum(config) + config.cols + COLUMN + 4 * config.columns_per_bank + 2


def result_interval(config: AcceleratorConfig, wide: bool) -> int:
    """Cycles between beats that complete results, which go out a word at a turn: two words if ``wide``."""
    return config.columns_per_bank * (2 if wide else 1)


def row_wait(config: AcceleratorConfig) -> int:
    """From a handover until the swap it started has passed every row."""
    return config.rows


def column_wait(config: AcceleratorConfig) -> int:
    """From a handover until the swap it started has passed the last column's last parameter.

    There are two sets of shadow registers: one block of parameters may be loaded while another's swap is under way.
    """
    return first_sum(config) + config.cols + COLUMN_RAW
