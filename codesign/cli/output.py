"""How results are shown."""

import json
import sys
from collections.abc import Iterable, Sequence

__all__ = ["print_json", "print_table", "tell_of_simulator"]


def print_json(values: object) -> None:
    """``values`` as JSON on stdout."""
    json.dump(values, sys.stdout, indent=1, allow_nan=False)
    print()


def tell_of_simulator(name: str | None, which: str = "") -> None:
    """Tell whoever sits before the terminal why nothing is seen for a while; None: nothing is built."""
    if name is not None and sys.stderr.isatty():
        print(f"simulator of {name}{which}: built now, if it was not before", file=sys.stderr)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as need be; numbers to the right, with thousands apart, texts to the left."""
    rows = [list(row) for row in rows]
    right = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(headings))]
    lines = [list(headings), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    for line in lines:
        cells = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(line, widths, right, strict=True))
        print("  ".join(cells).rstrip())


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
