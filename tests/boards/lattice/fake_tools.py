"""Programs called yosys, nextpnr-ecp5 and ecppack that do nothing but what a test wants to see handled."""

import json
import os
from pathlib import Path

REPORT = json.loads(Path(__file__).with_name("report.json").read_text())

_START = """#!/usr/bin/env python3
import json, os, sys, time
words = sys.argv[1:]
if words in (["-V"], ["--version"]):
    print({version!r})
    sys.exit(0)
with open(os.path.join(os.path.dirname(__file__), "calls"), "a") as calls:
    calls.write({name!r} + "\\n")
def after(option):
    return words[words.index(option) + 1]
"""
_BODIES = {
    "yosys": """
top = open('script.ys').read().split('-top ')[1].split()[0]
open('cells.json', 'w').write(json.dumps({'modules': {top: {'num_cells_by_type': cells}}}))
open('netlist.json', 'w').write(json.dumps({'modules': {top: {'ports': {}, 'cells': {}}}}))
""",
    "nextpnr-ecp5": """
seed = int(after('--seed'))
if seed in stuck:
    for i in range(1000):
        print(f'Info:     iter={i} wires=9 overused={300 - min(i, stuck[seed])} overuse=9 archfail=NA', flush=True)
        time.sleep(0.01)
report['fmax']['$glbnet$clk']['achieved'] = reached.get(seed, 80.0)
open(after('--report'), 'w').write(json.dumps(report))
open(after('--textcfg'), 'w').write(f'config of seed {seed}')
""",
    "ecppack": """
open('image.bit', 'w').write('bit: ' + open('image.config').read())
open(after('--svf'), 'w').write('svf')
"""}


def install(folder: Path, monkeypatch, *, reached: dict[int, float] | None = None, cells: dict[str, int] | None = None,
            stuck: dict[int, int] | None = None, **bodies: str) -> None:
    """Put them first on PATH. ``reached``: MHz by seed of nextpnr; ``stuck``: after how many rounds its router gets no
    further; ``cells``: what yosys counts; ``bodies``: other code for yosys, nextpnr or ecppack."""
    versions = {"yosys": "Yosys 0.70", "nextpnr-ecp5": "nextpnr-ecp5 (Version nextpnr-0.11)",
                "ecppack": "Project Trellis\nVersion 1.4"}
    given = (f"cells, report = {cells or dict(LUT4=10, TRELLIS_FF=5)!r}, {REPORT!r}\n"
             f"reached, stuck = {reached or {}!r}, {stuck or {}!r}\n")
    for name, version in versions.items():
        path = folder / name
        code = bodies.get(name.split("-")[0], given + _BODIES[name])
        path.write_text(_START.format(name=name, version=version) + code)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def calls(folder: Path) -> list[str]:
    """What was run so far."""
    path = folder / "calls"
    return path.read_text().split() if path.exists() else []
