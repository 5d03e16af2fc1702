"""Numbers as people write them."""

__all__ = ["si"]

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))


def si(value: float, unit: str = "", digits: int = 3) -> str:
    """``value`` with an SI prefix and ``digits`` significant ones: 7.02e-6, "J" -> ``7.02 uJ``."""
    if value == 0:
        return f"0 {unit}".strip()
    scale, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s * (1 - 0.5 * 10.0**-digits)), PREFIXES[-1])
    scaled = value / scale
    decimals = max(0, digits - len(str(int(abs(scaled)))))
    return f"{scaled:.{decimals}f} {prefix}{unit}".strip()
