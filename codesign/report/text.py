"""Results as text: the table for the terminal, and numbers as people write them."""

from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["front_rows", "si", "text_table"]

HEADINGS = ("candidate", "held-out", "validation", "cycles", "images/s", "energy/image *", "LUT *", "DSP *", "BRAM18 *",
            "accelerator", "network")
REASONS = 5  # shown
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))


def si(value: float, unit: str = "", digits: int = 3) -> str:
    """``value`` with an SI prefix and ``digits`` significant ones: 7.02e-6, "J" -> ``7.02 uJ``."""
    if value == 0:
        return f"0 {unit}".strip()
    scale, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s * (1 - 0.5 * 10.0**-digits)), PREFIXES[-1])
    scaled = value / scale
    decimals = max(0, digits - len(str(int(abs(scaled)))))
    return f"{scaled:.{decimals}f} {prefix}{unit}".strip()


def front_rows(results: Mapping) -> list[dict]:
    """One mapping per line of the front's table: measured figures where there are any, else the cost model's.

    Keys: id, on_front, method, held_out (None if not measured), validation, cycles, images_per_s, energy_j, lut,
    dsp, bram18, accelerator, clock_hz, summary, weights.
    """
    candidates = {c["id"]: c for c in results["candidates"]}
    rows = []
    for entry in results["front"]:
        c = candidates[entry["id"]]
        measured = c.get("measured")
        source = measured or {"cycles": c["price"]["cycles"], "images_per_s": c["images_per_s"], "energy": c["energy"]}
        rows.append({
            "id": c["id"], "on_front": entry["on_front"],
            "method": measured["method"] if measured else _priced(c["price"]),
            "held_out": measured["accuracy"] if measured else None, "validation": c["accuracy"],
            "cycles": source["cycles"], "images_per_s": source["images_per_s"],
            "energy_j": source["energy"]["total_j"], "accelerator": c["accelerator"]["name"],
            "clock_hz": c["accelerator"]["clock_hz"], "summary": c["summary"], "weights": c["weights"],
            **{key: c["resources"][key] for key in ("lut", "dsp", "bram18")}})
    return rows


def _priced(price: Mapping) -> str:
    """What a price that is not measured rests on: the model, corrected by a board's rows or not."""
    return next((source for source in price.get("mix", ()) if source.startswith("model corrected")), "model")


def text_table(results: Mapping) -> str:
    """The Pareto front and what was measured, for a terminal."""
    lines: list[Sequence[str]] = [HEADINGS]
    for row in front_rows(results):
        held_out = f"{row['held_out']:.2%}" if row["held_out"] is not None else "-"
        lines.append((row["id"][:8] + ("" if row["on_front"] else " (off)"), held_out, f"{row['validation']:.2%}",
                      f"{row['cycles']:,.0f} {row['method']}", f"{row['images_per_s']:,.0f}", si(row["energy_j"], "J"),
                      f"{row['lut']:,}", str(row["dsp"]), str(row["bram18"]), row["accelerator"], row["summary"]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    clock_hz = results["settings"]["board"]["clock_hz"]  # all candidates share it
    return "\n".join(text) + f"""

held-out: {results["test_images"]} images never seen by the search, as computed by the device; validation: a part of the
training images. cycles: of one image, from the device or the cost model; images/s at {si(clock_hz, "Hz")}.
* estimates, not measurements. (off): measured, but not on the front.""" + _failures(results)


def _failures(results: Mapping) -> str:
    """How many trainings and measurements failed, and the reasons, the commonest first."""
    reasons = Counter(f"{f['what']}: {f['reason']}" for f in results["failures"])
    if not reasons:
        return ""
    return f"\n\nfailed: {reasons.total()}" + "".join(f"\n  {n} x {text}" for text, n in reasons.most_common(REASONS))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Texts to the left, numbers to the right."""
    left = (0, len(widths) - 2, len(widths) - 1)
    return "  ".join(c.ljust(w) if i in left else c.rjust(w)
                     for i, (c, w) in enumerate(zip(cells, widths, strict=True))).rstrip()
