import re
import subprocess
from functools import reduce
from operator import or_

from codesign import registers
from codesign.accelerator import PRESETS
from codesign.memory_map import MemoryMap


def test_addresses_do_not_overlap():
    offsets = [r.offset for r in registers.REGISTERS]
    assert len(set(offsets)) == len(offsets)
    assert all(offset % 4 == 0 and offset < registers.TRACE_OFFSET for offset in offsets)
    assert len({r.name for r in registers.REGISTERS}) == len(offsets)


def test_fields_do_not_overlap():
    for r in registers.REGISTERS:
        masks = [f.mask for f in r.fields]
        assert sum(masks) == reduce(or_, masks) < 1 << 32, r.name


def test_counters_are_pairs():
    assert [registers.counter_offset(name) for name in registers.COUNTERS] == [
        0x100 + 8 * k for k in range(len(registers.COUNTERS))]
    for name in registers.COUNTERS:
        low, high = (registers.register(f"{name.upper()}_{half}") for half in ("LO", "HI"))
        assert high.offset == low.offset + 4


def test_digest_words_are_the_digest():
    config = PRESETS["tiny"]
    low, high = registers.digest_words(config)
    assert f"{high:08x}{low:08x}" == config.digest()[:16]


def test_a_memory_map_sets_all_that_a_run_reads():
    where = MemoryMap(alignment_bytes=64, program_address=0x40, program_bytes=0x1F0, program_beats=62,
                      output_address=0x240, output_bytes=16, output_beats=2)
    base = 0x12_3456_7000
    assert where.registers(base) == {"PROGRAM_LO": 0x3456_7040, "PROGRAM_HI": 0x12, "BEATS": 62,
                                     "OUTPUT_LO": 0x3456_7240, "OUTPUT_HI": 0x12, "OUTPUT_BEATS": 2,
                                     "WATCHDOG": registers.WATCHDOG_CYCLES}
    taken = {r.name: r for r in registers.REGISTERS if r.config}
    assert set(taken) == set(where.registers(base))
    assert all(value <= taken[name].fields[0].mask for name, value in where.registers(base).items())


def test_table_names_every_register():
    table = registers.table()
    for r in registers.REGISTERS:
        assert re.search(rf"^0x{r.offset:04x}  {r.access.value}\s+{r.name} ", table, re.M)


def test_c_header_compiles_to_the_same_addresses(tmp_path):
    (tmp_path / "registers.h").write_text(registers.c_header())
    values = {f"CODESIGN_{r.name}": r.offset for r in registers.REGISTERS} | {
        "CODESIGN_ID_VALUE": registers.ID, "CODESIGN_STATUS_DONE": 2, "CODESIGN_ERROR_WRITE_BUS": 2,
        "CODESIGN_TRACE": registers.TRACE_OFFSET}
    (tmp_path / "check.c").write_text('#include "registers.h"\n#include "registers.h"\n' + "".join(
        f"_Static_assert({name} == {value}u, \"{name}\");\n" for name, value in values.items()))
    result = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "check.c"],
                            cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
