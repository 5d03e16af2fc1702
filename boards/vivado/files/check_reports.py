"""Holds Vivado's reports against what was to be built: python3 check_reports.py build.json reports [--json]

Exit status 0 and a line of figures if everything holds; 1 and a line for each thing that does not. Needs nothing but
Python: it is copied beside each project.
"""

import json
import re
import sys
from pathlib import Path

CLOCK_TOLERANCE = 0.005
SLACKS = {"WNS": "setup slack", "WHS": "hold slack", "WPWS": "pulse width slack"}
# As report_utilization calls them; older versions have a star behind the first.
SITES = {"luts": r"CLB LUTs\*?", "ffs": r"CLB Registers", "bram36": r"Block RAM Tile", "dsps": r"DSPs"}


class Missing(Exception):
    """A report lacks what it should have."""


def timing(text):
    """Of report_timing_summary: the design's slacks in ns, clock periods in ns by name, unclocked registers' pins."""
    table = re.search(r"^\| Design Timing Summary\n(?:.*\n){1,6}?( *WNS\(ns\).*)\n[ -]+\n(.*)\n", text, re.M)
    if not table:
        raise Missing("timing.rpt has no Design Timing Summary")
    names = re.findall(r"\S+(?: \S+)*", table[1])
    values = re.findall(r"\S+", table[2])
    if len(names) != len(values):
        raise Missing("timing.rpt has a Design Timing Summary of another form")
    figures = dict(zip((name.removesuffix("(ns)") for name in names), values, strict=True))
    clocks = {match[1]: float(match[2]) for match in
              re.finditer(r"^ *(\S+) +\{[\d. ]+\} +([\d.]+) +[\d.]+ *$", text, re.M)}
    unclocked = re.search(r"^\d+\. checking no_clock \((\d+)\)", text, re.M)
    if not unclocked:
        raise Missing("timing.rpt has no check of no_clock")
    return figures, clocks, int(unclocked[1])


def utilization(text):
    """Of report_utilization: used and available, by resource."""
    found = {}
    for key, site in SITES.items():
        row = re.search(rf"^\| *{site} *\|(.*)\|$", text, re.M)
        header = row and re.findall(r"^\| *Site Type *\|(.*)\|$", text[:row.start()], re.M)
        if not header:
            raise Missing(f"utilization.rpt has no {site.removesuffix(chr(92) + '*?')}")
        cells = {c.strip(): value.strip() for c, value in zip(header[-1].split("|"), row[1].split("|"), strict=True)}
        found[key] = float(cells["Used"]), float(cells["Available"])
    return found


def routing_errors(text):
    """Of report_route_status: nets that are not routed, or wrongly."""
    found = re.search(r"# of nets with routing errors[. ]*: *(\d+) *:", text)
    if not found:
        raise Missing("route.rpt has no number of nets with routing errors")
    return int(found[1])


def check(expected, reports):
    """Figures for people, and a line for each thing that is wrong."""
    texts = {name: (reports / f"{name}.rpt").read_text(errors="replace") for name in ("timing", "utilization", "route")}
    figures, clocks, unclocked = timing(texts["timing"])
    found, wrong = {"clock_mhz": expected["clock_mhz"]}, []
    for name, what in SLACKS.items():
        try:
            slack = float(figures[name])
        except (KeyError, ValueError):  # NA: nothing is constrained
            raise Missing(f"timing.rpt has no {name}") from None
        found[f"{name.lower()}_ns"] = slack
        if not slack >= 0:
            wrong.append(f"worst {what} must be at least 0, not {slack} ns ({name})")
    period = 1000 / expected["clock_mhz"]
    if not any(abs(p / period - 1) <= CLOCK_TOLERANCE for p in clocks.values()):
        wrong.append(f"a clock must have {period:.3f} ns, not "
                     + (", ".join(f"{p} ns ({name})" for name, p in clocks.items()) or "none at all"))
    if unclocked:
        wrong.append(f"every register must have a clock, not all but {unclocked} pins")
    for name, (used, has) in utilization(texts["utilization"]).items():
        found[name] = used
        limit = min(has, expected["limits"][name])
        if used > limit:
            wrong.append(f"{name} must be at most {limit:g}, not {used:g}")
    if errors := routing_errors(texts["route"]):
        wrong.append(f"every net must be routed, not all but {errors}")
    return found, wrong


def main(arguments):
    if len([a for a in arguments if a != "--json"]) != 2:
        print("usage: check_reports.py build.json REPORTS [--json]", file=sys.stderr)
        return 2
    expected, reports = (Path(a) for a in arguments if a != "--json")
    try:
        found, wrong = check(json.loads(expected.read_text()), reports)
    except Missing as e:
        found, wrong = {}, [str(e)]
    except OSError as e:
        found, wrong = {}, [f"{e.filename} must be readable: {e.strerror}"]
    if "--json" in arguments:
        print(json.dumps({"met": not wrong, "found": found, "wrong": wrong}, indent=1))
    elif not wrong:
        print("met: " + ", ".join(f"{name} {value:g}" for name, value in found.items()))
    for line in wrong:
        print(f"check_reports.py: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
