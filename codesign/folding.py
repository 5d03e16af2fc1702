"""Real gains and offsets (batch norm, clip, activation step) as the integers mul, add and shift."""

import numpy as np

from .errors import require
from .integer import A_BITS, ADD_BITS, MUL_BITS, SHIFT_MAX

__all__ = ["fold"]


def fold(gain: np.ndarray, offset: np.ndarray, acc_max: np.ndarray,
         bits: int = A_BITS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers with ``(acc*mul + add) >> shift`` = floor(acc*gain + offset), as near as 16 bits of gain allow.

    Per channel, shape (M,): ``gain`` >= 0 and ``offset`` real, ``acc_max`` >= |acc|. The sum is clamped to
    0..2**bits - 1 afterwards, so an offset that saturates every accumulator may move to where it just does. Returns
    int64 mul, add, shift of shape (M,), in the ranges of :class:`~codesign.integer.Layer`.
    """
    gain, offset, acc_max = (np.asarray(v, np.float64) for v in (gain, offset, acc_max))
    require(bool(np.isfinite(gain).all() and np.isfinite(offset).all()), "Gains and offsets must be finite")
    require(bool((gain >= 0).all()), f"Gains must be at least 0, not {gain.min(initial=0)}")
    require(bool((gain < 2**MUL_BITS - 1).all()), f"Gains must be below {2**MUL_BITS - 1}, not {gain.max(initial=0)}")
    saturated = 2.0 ** (bits + 1)  # an offset this far beyond every product
    reach = gain * acc_max * (1 + 2.0**-MUL_BITS) + saturated  # of the rounded gain
    offset = np.clip(offset, -reach, reach)
    places = np.full(gain.shape, SHIFT_MAX)
    for value, bits in ((gain, MUL_BITS), (np.abs(offset), ADD_BITS - 1)):
        # frexp: value < 2**exponent; rounding up may reach 2**bits only from within half a unit, hence the test.
        exponent = np.frexp(value)[1]
        room = bits - exponent
        room -= np.rint(np.ldexp(value, room)) >= 2.0**bits
        places = np.minimum(places, np.where(value > 0, room, SHIFT_MAX))
    require(bool((places >= 0).all()), f"Offsets must be below 2**{ADD_BITS - 1}, not {np.abs(offset).max()}")
    return (np.rint(np.ldexp(gain, places)).astype(np.int64), np.rint(np.ldexp(offset, places)).astype(np.int64),
            places.astype(np.int64))
