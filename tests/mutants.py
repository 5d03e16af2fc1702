"""Seeded bugs: changes one operator of one component at a time and says which test notices.

    python -m tests.mutants [NAME ...]

Works on a copy of the repository in a temporary directory, with a build cache of its own; the working tree stays as
it is. Without NAME (a component, as `walker`), all of :data:`MUTANTS`. Exits with 1 if a mutant survives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from codesign.directories import cache_directory
from codesign.sim.yowasp import CACHE

__all__ = ["MUTANTS", "Mutant", "main"]

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 900  # of one mutant's tests
ACCELERATOR = ("tests/rtl/test_accelerator.py", "tests/rtl/test_results.py", "tests/sim/test_equivalence.py")


class Mutant(NamedTuple):
    """``old`` becomes ``new`` where it first occurs in rtl/``component``.py."""

    component: str
    old: str
    new: str


MUTANTS = [Mutant(component, old, new) for component, changes in {
    "pe": [
        ("low ^ below", "low | below"),
        ("low ^ negative", "low | negative"),
        ("max(0, low - 1)", "low"),
        ("self.x << A_BITS", "self.x << A_BITS - 1"),
        ("active.eq(self.weight_next)", "active.eq(self.weight)"),
        ("pe.x_next, pe.swap_next, pe.load_next", "pe.x_next, pe.swap_next, load"),
    ],
    "array": [
        ("self.index >= r", "self.index > r"),
        ("self.LOAD_LATENCY + above):", "self.LOAD_LATENCY):"),
        ("self.LOAD_LATENCY + above + c)", "self.LOAD_LATENCY + above + c + 1)"),
        ("loads[r % part_rows]", "loads[r // config.weight_rows]"),
        ("if r >= self.narrow_rows", "if r > self.narrow_rows"),
    ],
    "row": [
        ('token.addr + row["addr"]', 'token.addr - row["addr"]'),
        ("-dx > token.left", "-dx >= token.left"),
        ('token.valid & row["enable"]', 'token.valid | row["enable"]'),
        ("self.swap.eq(swaps[1])", "self.swap.eq(swaps[0])"),
        ("self.high.eq(highs[1])", "self.high.eq(highs[0])"),
        ("offset ^ phase", "offset | phase"),
        ("offset >> interleave", "offset << interleave"),
    ],
    "column": [
        ("term + Array(", "term - Array("),
        ("stages[2].valid & ~stages[2].last", "stages[2].valid & stages[2].last"),
        ("Mux(same[1], 2, 3)", "3"),
        ("Mux(same[0], 1, ", "Mux(same[0], 2, "),
        ("before.valid & ~before.last", "before.valid"),
        ("stages[1:3]", "stages[2:4]"),
        ("Mux(stages[1].first, 0, ", "Mux(stages[1].first, 3, "),
        ("activation > result", "activation < result"),
        ("position - position * config.rows", "position + position * config.rows"),
        ("token.out_stride * self.position", "token.out_stride + self.position"),
        ("token.out_stride * config.columns_per_bank", "token.out_stride + config.columns_per_bank"),
        ("stages[6].wide", "stages[5].wide"),
        ("more = (left != 0) & turn", "more = left != 0"),
        ("complete | (wait == 0)", "wait == 0"),
        ("busy.eq(complete | more)", "busy.eq(complete)"),
        ('"mul", stages[3]', '"mul", stages[2]'),
        ('"add", stages[4]', '"add", stages[5]'),
        ('"shift", stages[5]', '"shift", stages[6]'),
        ('"enable", stages[7]', '"enable", stages[6]'),
        ("m.If(self.load[i])", "m.If(self.load[1 - i])"),
        ("Mux(token.set, ", "Mux(~token.set, "),
        ("self.write_next.eq(busy)", "self.write_next.eq(busy & enabled)"),
    ],
    "scaler": [
        ("product + add", "product - add"),
        ("m.If(self.load_mul)", "m.If(self.load_add)"),
        ("m.If(self.load_add)", "m.If(1)"),
    ],
    "dsp48": [
        ("0b00_011_01_01", "0b00_000_01_01"),
        ("i_CEB2=scaler.load_mul", "i_CEB2=scaler.load_add"),
        ("value[-1] if value", "value[0] if value"),
        ('for name in "ABCMP"', 'for name in "ABCP"'),
    ],
    "shifter": [
        ("(1 << step) - 1", "(1 << step) - 2"),
        ("moves[kept:].any()", "0"),
        ("stays[kept:].any()", "0"),
        ("~self.wide & low", "self.wide & low"),
        ("Mux(negative, 0, ", "Mux(0, 0, "),
        ("negative.eq(self.i[-1])", "negative.eq(self.i[-2])"),
    ],
    "walker": [
        ('given("x_last") + 1 >= ', 'given("x_last") + 1 > '),
        ("self._below >= 3", "self._below >= 2"),
        ("self._below - step", "self._below - 1"),
        ("self._right - step", "self._right - 1"),
        ('given("width") - 1 - given("x_left")', 'given("width") - 1 - given("x_first")'),
        ('Mux(given("y_first") < 0, given("width"), 0)', "0"),
        ('Mux(second, f["width"], 0)', "0"),
        ("| (dx == self._dx_last))", ")"),
        ("(dx != self._dx_last) | dx_first", "dx != self._dx_last"),
        ("row_ends & self._narrow", "self._row_ends & self._narrow"),
        ("~corner[-1] & ", ""),
        ("| corner[:OFFSET_BITS].all()", ""),
        ("Mux(self._plane_ends, 0, self._plane + 1)", "self._plane + 1"),
        ('given("planes") == 0', "0"),
        ("Mux(self.start, 1, ", "Mux(self.start, 0, "),
        ("Mux(self.go, waits(given), waits(f.get))", "waits(f.get)"),
        ("(raw_waits | ~self.room)", "raw_waits"),
        ('given("y_first") + 1 < ', 'given("y_first") + 1 <= '),
        ('f["windows"] == 2', 'f["windows"] == 1'),
        ('given("windows") == 1', 'given("windows") == 2'),
        ('f["x_left"] == f["x_last"]', 'f["x_left"] != f["x_last"]'),
        ("raw_wait != 1", "raw_wait != 0"),
        ('given("height") - 1 - given("y_first")', 'given("height") - given("y_first")'),
        ('f["width"] << 1', 'f["width"] << 2'),
        ('f["scale"] + plane', 'f["scale"] | plane'),
        ('f["sum_last"] & last_beat', 'f["sum_last"] | last_beat'),
        ("raw_wait.eq(config.cols - 1)", "raw_wait.eq(config.cols - 2)"),
        ("m.If(~self.again)", "m.If(self.again)"),
        ("turn != 0", "turn == 0"),
        ("turn != shared", "turn == shared"),
        ("running & ~self._waits", "running | ~self._waits"),
    ],
    "narrower": [
        ("self.o.ready & last", "self.o.ready | last"),
        ("index == count - 1", "index == count - 2"),
        ("self.align & (index != 0)", "self.align | (index != 0)"),
    ],
    "sequencer": [
        ("index == length - 1", "index == length"),
        ("Mux(fence, ~self.running & drained, self.available)", "Mux(fence, self.available & drained, self.available)"),
        ("Mux(fence, ~self.running & drained, self.available)", "self.available"),
        ("m.If(~self.running & drained)", "m.If(self.available & drained)"),
        ("over.eq(left == 1)", "over.eq(left <= 2)"),
        ("self.column_set == i", "self.column_set != i"),
        ("self.column_set ^ flag", "self.column_set | flag"),
        ("proceeds = ~ready | self.go", "proceeds = ~ready"),
        ("usable.eq(~self.blocked)", "usable.eq(1)"),
        ("Mux(held, waiting, self.words.payload)", "self.words.payload"),
        ("words.ready.eq(reading & ~held)", "words.ready.eq(reading)"),
        ("words.ready.eq(reading & ~held)", "words.ready.eq(~held)"),
        ("held.eq(reading & valid & ~usable)", "held.eq(reading & ~usable)"),
        ("hungry.eq(reading & ~valid)", "hungry.eq(reading & usable & ~valid)"),
        ("repeat.eq(repeat - 1)", "repeat.eq(repeat - 2)"),
        ('("mark", "fence", "load_rows")', '("mark", "fence")'),
        ("self.loading.eq(1)", "self.loading.eq(used)"),
        ("self.weighing.eq(1)", "self.weighing.eq(valid)"),
        ('last.eq(f["words"] == 1)', 'last.eq(0)'),
        ("last.eq(left == 2)", "last.eq(left == 1)"),
        ("addr.eq(addr + 1)", "addr.eq(addr)"),
    ],
    "counters": [
        ("self.running & ~self.beat", "self.running | ~self.beat"),
        ("~self.running & self.loading", "~self.running | self.loading"),
        ("self.columns_enabled << i", "self.columns_enabled"),
        ("self.trace_count != TRACE_ENTRIES", "self.trace_count != TRACE_ENTRIES - 1"),
        ("~self.fenced & self.weighing", "self.weighing"),
        ("self.trace_address // TRACE_STRIDE_WORDS", "self.trace_address // (2 * TRACE_STRIDE_WORDS)"),
    ],
    "memory_ports": [
        ("left <= self.stripe_beats", "left < self.stripe_beats"),
        ("self.depth // self.stripe_beats", "self.depth"),
        ("& ends.w_rdy", ""),
        ("part == self.ratio - 1", "part == self.ratio - 2"),
        ("bad | (axi.rresp", "bad & (axi.rresp"),
        ("is_bad & (part != self.ratio - 1)", "is_bad"),
        ("address + stripe_bytes", "address + 2 * stripe_bytes"),
        ("axi.arready | ~axi.arvalid", "1"),
        ("beats * self.ratio - 1", "beats * self.ratio"),
        ("stripe_ends & ends.r_data", "stripe_ends | ends.r_data"),
        ("wide.rready & (turn == i)", "wide.rready"),
        ("with m.If(transfer & stripe_ends)", "with m.If(stripe_ends)"),
        ("turn + 1 if", "turn - 1 if"),
        ("(wide.awlen + 1) * self.ratio - 1", "wide.awlen"),
        ("port.wready & last", "port.wready"),
        ("wide.wlast & last", "wide.wlast"),
    ],
    "fetcher": [
        ("~places[-1]", "(places > 0)"),
        ("Cat(left, change)", "Cat(leaves, change)"),
        ("self.depth - burst_beats", "self.depth - burst_beats + 1"),
        ("(full == 1) | (full == 2) & (rest == 0)", "full == 1"),
        ("Mux(full == 1, rest, 0)", "0"),
        ("Mux(start_full == 0, start_rest, 0)", "0"),
        ("Mux(issue, Cat", "Mux(more, Cat"),
        ("fifo.r_en.eq(~second_valid)", "fifo.r_en.eq(1)"),
        ("second_valid | fifo.r_rdy)", "fifo.r_rdy)"),
        ("left.eq(leaves)", "left.eq(self.o.ready)"),
        ("self.axi.arready | ~self.axi.arvalid", "self.axi.arready & ~self.axi.arvalid"),
        ("self.axi.rresp != Resp.OKAY", "self.axi.rresp == Resp.OKAY"),
    ],
    "writer": [
        ("lane < count", "lane <= count"),
        ("free - push + pop", "free - push - pop"),
        ("axi.wready | ~axi.wvalid", "axi.wready & ~axi.wvalid"),
        ("left.eq(left - 1)", "left.eq(left - 2)"),
        ("issue | fifo.r_rdy & ~within", "issue"),
        ("within.eq(left != 1)", "within.eq(left != 0)"),
        ("within.eq(self.beats != 0)", "within.eq(1)"),
        ("axi.bvalid & (unanswered == 1)", "axi.bvalid"),
        ("unanswered[1:].all()", "0"),
    ],
    "control": [
        ("have_address & have_data & (", "have_address | have_data & ("),
        ("stored_value & ~mask | value", "stored_value & mask | value"),
        ("self.done & self.busy", "self.done | self.busy"),
        ("~self.busy & ~self.outstanding", "~self.busy"),
        ("chosen.any()", "chosen[0]"),
    ],
    "accelerator": [
        ("first_sum(config) - Walker.LATENCY", "first_sum(config) + Walker.LATENCY"),
        ("loads[-(-r // SHARING)]", "loads[1 + r // SHARING]"),
        ("of_set[c // per_word]", "of_set[0]"),
        ("column.write_group == r // config.cols", "column.write_group != r // config.cols"),
        ("columns[r::config.rows]", "columns[r::config.rows + 1]"),
        ("columns[::config.rows]).any()", "columns[::config.cols]).any()"),
        ("range(bank % config.cols)", "range(bank // config.cols)"),
        ("sequencer.hungry & fetcher.idle", "sequencer.hungry | fetcher.idle"),
        ("~control.outstanding | stuck", "~control.outstanding"),
        ("control.start | moving", "control.start"),
        ("(hung, Error.WATCHDOG), ", ""),
        ("walker.words", "walker.words - 1"),
        ("pending + Mux(walker.raw_beat", "pending - Mux(walker.raw_beat"),
        ("pending + config.cols", "pending - config.cols"),
    ],
}.items() for old, new in changes]


def copy_project(folder: Path) -> None:
    """The repository as it is installed, rtl/, sim/ and boards/ within the package: so the copy is what is imported."""
    plain = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "codesign", folder / "codesign", ignore=plain)
    for name in ("rtl", "sim", "boards"):
        shutil.copytree(ROOT / name, folder / "codesign" / name, ignore=plain)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=plain)
    shutil.copy(ROOT / "pyproject.toml", folder)


def run_tests(folder: Path, tests: list[str]) -> str | None:
    """The first test of ``tests`` that fails in ``folder``, or that they take too long; None if all pass; raises where
    they cannot be run."""
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
           "CODESIGN_CACHE": str(folder / "cache"), CACHE: str(cache_directory() / "yowasp")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", *tests]
    try:
        result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"{' '.join(tests)}: not done in {TIMEOUT_S} s"
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", result.stdout, re.MULTILINE)
    if result.returncode == 0:
        return None
    if result.returncode != 1 or failed is None:
        raise RuntimeError(f"pytest {' '.join(tests)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return failed[1]


def component_tests(folder: Path, component: str) -> list[str]:
    """The component's own tests, then the whole accelerator's."""
    own = f"tests/rtl/test_{component}.py"
    groups = [own] if (folder / own).exists() and own not in ACCELERATOR else []
    if component == "memory_ports":  # beside the accelerator: no quick test of it has them
        return groups
    if component == "pe":
        groups.append("tests/rtl/test_array.py")  # has the rows of them
    return [*groups, *ACCELERATOR]


def find_killer(folder: Path, mutant: Mutant) -> str | None:
    """The first test that fails with ``mutant``; None if it survives all."""
    path = folder / "codesign" / "rtl" / f"{mutant.component}.py"
    source = path.read_text()
    if mutant.old not in source:
        raise RuntimeError(f"rtl/{mutant.component}.py must contain {mutant.old!r} for its mutant")
    path.write_text(source.replace(mutant.old, mutant.new, 1))
    try:
        tests = component_tests(folder, mutant.component)
        return next(filter(None, (run_tests(folder, [test]) for test in tests)), None)
    finally:
        path.write_text(source)


def main(names: list[str]) -> int:
    mutants = [m for m in MUTANTS if not names or m.component in names]
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folder = Path(temporary)
        copy_project(folder)
        script = "import codesign.rtl; print(codesign.rtl.__file__)"
        where = subprocess.run([sys.executable, "-c", script], cwd=folder, env={**os.environ, "PYTHONPATH": temporary},
                               capture_output=True, text=True, check=True).stdout.strip()
        if not Path(where).is_relative_to(folder):
            raise RuntimeError(f"the copy's RTL must be imported, not {where}")
        tests = sorted({test for m in mutants for test in component_tests(folder, m.component)} - set(ACCELERATOR))
        if tests and (failed := run_tests(folder, tests)):
            raise RuntimeError(f"tests must pass without a mutant, not fail in {failed}")
        for mutant in mutants:
            begin = time.monotonic()
            killer = find_killer(folder, mutant)
            survivors += killer is None
            print(f"{mutant.component:<12} {mutant.old}  ->  {mutant.new}\n    {killer or 'SURVIVES'} "
                  f"({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants caught")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
