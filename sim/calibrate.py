"""Fits the resource model to syntheses of the accelerator as it is now.

    python -m codesign.sim.calibrate --family ecp5|xcup [--count N] [--held-out N] [--seed S] [--dry-run]

Takes the smallest preset, whose control is its largest part, and on ECP5 a board's, too, draws other accelerators at
random, synthesizes them (:mod:`codesign.sim.synthesis`; minutes each, once: cached), fits a coefficient to every
feature of :mod:`codesign.resource_features` by non-negative least squares of relative errors, with a little weight on
the coefficients so far (after a small change of the RTL, few accelerators are enough), prints how far the estimate is
from each synthesis, those that were held out included, and writes the coefficients and where they come from into
``codesign/resources.yaml``. Block RAMs and multipliers are not fitted: they are derived, and must be equal.
"""

import argparse
import datetime
import math
import os
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import nnls
from tqdm import tqdm

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.board import FAMILIES, load_board
from codesign.errors import CodesignError, require
from codesign.memories import accelerator_memories, map_memory
from codesign.resource_features import FEATURES, features
from codesign.resources import (
    KINDS,
    MEMORIES,
    MEMORY_BLOCK_BITS,
    Coefficients,
    Component,
    Resources,
    coefficients,
    estimate_resources,
)
from codesign.rtl.system.top import SYSTEM

from .build import TOP, accelerator_verilog, rtl_digest
from .netlist import read_modules
from .synthesis import synthesize, synthesize_modules
from .system_build import system_of, system_verilog
from .toolchain import yosys_version

__all__ = ["calibrate", "draw", "relative_errors"]

PRIOR = 0.02  # weight of the coefficients so far
BEFORE = ("rtl", "fitted", "held_out", "held_out_lut_error")  # what is kept of where they are from
FIRST = {"ecp5": ("tiny", "ulx3s"), "xcup": ("tiny",)}  # presets, before others are drawn
LARGEST_SIDE = {"ecp5": 16, "xcup": 28}  # of the arrays that are drawn
#: Modules that are placed many times, and the components they make; what is around them is the control.
_COMPONENTS = {"pe": "array", "pe_wide": "array", "array_row": "array", "array_row_wide": "array", "row": "rows"}

def draw(family: str, count: int, seed: int) -> list[AcceleratorConfig]:
    """``count`` accelerators, each field drawn by itself; sides so that small and large arrays are as many."""
    rng, drawn = random.Random(f"{family} {seed}"), []

    def side() -> int:
        return round(math.exp(rng.uniform(math.log(4), math.log(LARGEST_SIDE[family] + 0.4))))

    while len(drawn) < count:
        rows, cols = side(), side()
        try:
            drawn.append(AcceleratorConfig(
                name=f"drawn-{family}-{seed}-{len(drawn)}", rows=rows, cols=cols, bank_depth=2**rng.randint(9, 14),
                acc_depth=2**rng.randint(4, 10), acc_bits=rng.choice([20, 24, 27]),
                wide_rows=rng.randint(0, min(rows, 8)),
                weight_rows=rng.choice([w for w in (1, 1, 2, 4) if rows % w == 0]),
                bus_bits=rng.choice([64, 64, 128, 256]), burst_beats=rng.choice([8, 16]),
                fifo_bursts=2**rng.randint(1, 6)))
        except CodesignError:  # a bus too narrow for so many columns
            continue
    return drawn


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An accelerator synthesized: ``whole``, and by component ``parts``, as far as they are known apart."""

    config: AcceleratorConfig
    whole: Resources
    parts: dict[str, dict[str, int]]


def sample(config: AcceleratorConfig, family: str, apart: bool = True) -> Sample:
    """Synthesize ``config``. Where the hierarchy is not kept, the array's and the rows' modules are synthesized by
    themselves too, if they are wanted ``apart``; not the columns', many of whose flip-flops synthesis merges with each
    other's and the control's (ECP5: of some 1,000 of a column alone, 640 are left).
    """
    whole = synthesize(config, family)
    modules = {c.name: c for c in whole.components}
    if len(modules) == 1 and not apart:
        modules = {}
    elif len(modules) == 1:
        verilog = accelerator_verilog(config, family)
        kinds = _placed(verilog)
        repeated = [name for name in kinds if _component(name) in ("array", "rows") and "array_row" not in name]
        alone = synthesize_modules({"accelerator.v": verilog}, family, repeated)
        modules = {name: Component(name, lut=kinds[name] * r.lut, ff=kinds[name] * r.ff) for name, r in alone.items()}
    parts: dict[str, dict[str, int]] = {}
    for name, module in modules.items():
        part = parts.setdefault(_component(name.split(" x ")[-1]), {"lut": 0, "ff": 0})
        for kind in part:
            part[kind] += getattr(module, kind)
    return Sample(config=config, whole=whole, parts=parts)


def _placed(verilog: str) -> Counter[str]:
    """How often each module of ``verilog`` is placed in the accelerator."""
    modules, placed = read_modules(verilog), Counter({TOP: 1})

    def place(name: str) -> None:
        for kind in modules[name].instances.values():
            placed[kind] += 1
            place(kind)

    place(TOP)
    return placed


def _component(module: str) -> str:
    name = module.partition(".")[0]
    return _COMPONENTS.get(name, "columns" if name.startswith("column_") else "control")


def _fit(kind: str, samples: list[Sample], before: Coefficients | None = None) -> dict[str, dict[str, float]]:
    """Coefficients by component and feature: non-negative least squares of errors relative to whole accelerators, and,
    with a weight of :data:`PRIOR`, of how far they move from ``before``."""
    unknowns = [(part, feature) for part, kinds in FEATURES.items() for feature in kinds[kind]]
    rows, targets = [], []
    for s in samples:
        values, family = features(s.config, s.whole.family), s.whole.family
        held = dict.fromkeys(FEATURES, 0)  # by memories, which are known
        for name, memory in accelerator_memories(s.config).items():
            held[MEMORIES[name]] += memory.count * getattr(map_memory(family, memory), kind)
        total = getattr(s.whole, kind)
        known = {part: need[kind] for part, need in s.parts.items()}
        if "control" not in known:
            rows.append([values[feature] / total for _, feature in unknowns])
            targets.append((total - sum(held.values())) / total)
        for part, need in known.items():
            rows.append([values[feature] * (part == of) / total for of, feature in unknowns])
            targets.append((need - held[part]) / total)
    matrix = np.array(rows)
    scale = np.abs(matrix).max(axis=0)
    if before is not None:
        known_before = getattr(before, kind)
        rows += list(np.diag(PRIOR * scale))
        targets += [PRIOR * size * known_before.get(part, {}).get(feature, 0)
                    for (part, feature), size in zip(unknowns, scale, strict=True)]
    solution, _ = nnls(np.array(rows) / np.where(scale > 0, scale, 1), np.array(targets))
    made: dict[str, dict[str, float]] = {part: {} for part in FEATURES}
    for (part, feature), value, size in zip(unknowns, solution, scale, strict=True):
        if value > 0:
            made[part][feature] = float(f"{value / size:.5g}")
    return made


def measure_system(family: str) -> dict[str, int]:
    """What the system around an accelerator takes, by kind, without its data memory; nothing where it is not ours."""
    if family != "ecp5":
        return dict.fromkeys(KINDS, 0)
    board = load_board("ulx3s")
    files = dict(system_verilog(system_of(board.preset(), board)).files)
    accelerator = files[f"{TOP}.v"]
    header = accelerator[accelerator.index(f"module {TOP}("):]
    ports = [line for line in header[:header.index("endmodule")].splitlines() if re.match(r"  (input|output) ", line)]
    files[f"{TOP}.v"] = "\n".join(["(* blackbox *)", header[:header.index(";") + 1], *ports, "endmodule", ""])
    whole = synthesize_modules(files, family, [SYSTEM], boxes=[TOP])[SYSTEM]
    memory = math.ceil(8 * (board.memory_bytes or 0) / MEMORY_BLOCK_BITS)
    return {kind: getattr(whole, kind) - (memory if kind == "bram18" else 0) for kind in KINDS}


def relative_errors(config: AcceleratorConfig, synthesis: Resources, model: Coefficients) -> dict[str, float]:
    """How far ``model`` is above or below the synthesis: a fraction of look-up tables and of flip-flops, a number of
    multipliers and block RAMs."""
    estimate = estimate_resources(config, synthesis.family, model)
    return {**{key: getattr(estimate, key) / getattr(synthesis, key) - 1 for key in ("lut", "ff")},
            **{key: getattr(estimate, key) - getattr(synthesis, key) for key in ("dsp", "bram18")}}


def calibrate(family: str, count: int, held_out: int, seed: int) -> tuple[Coefficients, list[tuple]]:
    """The fitted model, and for each synthesis (accelerator, resources, relative errors, whether it was held out)."""
    configs = [PRESETS[name] for name in FIRST[family]][:count]
    configs += draw(family, count + held_out - len(configs), seed)
    samples = [sample(config, family, apart=i < count)
               for i, config in enumerate(tqdm(configs, "synthesizing", file=sys.stderr))]
    before = coefficients(family)
    model = Coefficients(family=family, lut=_fit("lut", samples[:count], before),
                         ff=_fit("ff", samples[:count], before),
                         made={"tool": f"yosys {yosys_version()}", "rtl": rtl_digest(PRESETS["tiny"])[:16],
                               "date": datetime.date.today().isoformat(), "seed": seed, "fitted": count,
                               "held_out": held_out,
                               "before": {key: value for key, value in before.made.items() if key in BEFORE}})
    rows = [(s.config, s.whole, relative_errors(s.config, s.whole, model), i >= count)
            for i, s in enumerate(samples)]
    largest = {f"{when}_{key}_error": round(max(abs(errors[key]) for _, _, errors, out in rows if out == held), 4)
               for when, held in (("fitted", False), ("held_out", True)) for key in ("lut", "ff")}
    return Coefficients(family=family, lut=model.lut, ff=model.ff, made={**model.made, **largest},
                        system=measure_system(family)), rows


def _write(model: Coefficients) -> Path:
    path = Path(str(package_files.files("codesign").joinpath("resources.yaml")))
    text = path.read_text()
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    values = {**(yaml.safe_load(text) or {}), model.family: model.to_dict()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(comment + yaml.safe_dump(values, sort_keys=False))
    os.replace(temporary, path)
    return path


def _print(rows: list[tuple]) -> None:
    print("rows cols wide    LUT  estimate    error       FF  estimate    error  DSP diff  BRAM18 diff")
    for config, synthesis, errors, held_out in rows:
        lut, ff = (round(getattr(synthesis, key) * (1 + errors[key])) for key in ("lut", "ff"))
        print(f"{config.rows:4d} {config.cols:4d} {config.wide_rows:4d} {synthesis.lut:6,d}  {lut:8,d}  "
              f"{errors['lut']:+7.1%}  {synthesis.ff:7,d}  {ff:8,d}  {errors['ff']:+7.1%}  {synthesis.dsp:3d} "
              f"{errors['dsp']:+4d}  {synthesis.bram18:6d} {errors['bram18']:+4d}{'  held out' if held_out else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--count", type=int, default=12, help="accelerators to fit to, presets included")
    parser.add_argument("--held-out", type=int, default=4, help="accelerators to test on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    args = parser.parse_args()
    try:
        require(args.count >= 1 and args.held_out >= 1, "Calibration must have at least 1 accelerator to fit to and 1 "
                                                        f"to test on, not {args.count} and {args.held_out}")
        model, rows = calibrate(args.family, args.count, args.held_out, args.seed)
        _print(rows)
        print("\nby", ", ".join(f"{key} {value}" for key, value in model.made.items()))
        if not args.dry_run:
            print(_write(model))
    except CodesignError as e:
        sys.exit(f"calibrate: {e}")


if __name__ == "__main__":
    main()
