import base64
import re

from codesign.report import figures
from codesign.report.page import _energies

PREFIX = "data:image/svg+xml;base64,"
PARTS = {"array": 1e-6, "banks": 2e-6, "accumulators": 3e-6, "memory": 1e-7, "control": 4e-8, "static": 5e-6}


def svg(uri):
    assert uri.startswith(PREFIX)
    return base64.b64decode(uri.removeprefix(PREFIX)).decode()


def said(text):
    """The texts of a picture, which matplotlib draws as glyphs and notes in comments."""
    return re.findall(r"<!-- (.*?) -->", text)


def test_energy_is_a_stacked_bar_per_candidate_and_says_estimate():
    one = {"id": "aaaaaaaa11", "measured": {"method": "simulated", "energy": {"components_j": PARTS}}}
    other = {"id": "bbbbbbbb22", "energy": {"components_j": {k: 2 * v for k, v in PARTS.items()}}}
    bars = _energies([one, other])
    texts = said(svg(figures.energy(bars, "estimate")))
    assert list(bars) == ["aaaaaaaa (simulated)", "bbbbbbbb (model)"] and set(bars) <= set(texts)
    assert {"dynamic energy of one image (estimate)", "energy of one image (estimate)", "dynamic", *PARTS} <= set(texts)
    assert {"  6.14 uJ", "  12.3 uJ", "  11.1 uJ", "  22.3 uJ"} <= set(texts)
