"""Numbers as people write them."""

from collections.abc import Sequence
from itertools import groupby

__all__ = ["ranges", "si"]

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))
RANGES_SHOWN = 6


def si(value: float, unit: str = "", digits: int = 3) -> str:
    """``value`` with an SI prefix and ``digits`` significant ones: 7.02e-6, "J" -> ``7.02 uJ``."""
    if value == 0:
        return f"0 {unit}".strip()
    scale, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s * (1 - 0.5 * 10.0**-digits)), PREFIXES[-1])
    scaled = value / scale
    decimals = max(0, digits - len(str(int(abs(scaled)))))
    return f"{scaled:.{decimals}f} {prefix}{unit}".strip()


def ranges(ids: Sequence[int]) -> str:
    """Row ids: ``1-3, 7``, or how many where that takes too long."""
    runs = [[id for _, id in group] for _, group in groupby(enumerate(sorted(set(ids))), lambda p: p[1] - p[0])]
    if len(runs) > RANGES_SHOWN:
        return f"{len(set(ids))} of {min(ids)}-{max(ids)}"
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or "-"
