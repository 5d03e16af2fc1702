import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.accelerator import PRESETS
from codesign.errors import CodesignError
from codesign.isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Field, Isa, Layout, Opcode
from tests.random_graphs import CONFIGS

ISAS = [Isa(config) for config in (*PRESETS.values(), *CONFIGS)]
LAYOUTS = [layout for isa in ISAS for layout in (*isa.instructions.values(), isa.row, isa.column)]


@given(st.data())
def test_decode_gives_back_what_was_encoded(data):
    layout = data.draw(st.sampled_from(LAYOUTS))
    values = {}
    for f in layout.fields.values():
        low = -(1 << f.width - 1) if f.signed else 0
        values[f.name] = data.draw(st.integers(low, low + (1 << f.width) - 1))
    bits = layout.encode(**values)
    assert 0 <= bits < 1 << layout.width
    assert layout.decode(bits) == values


def test_by_hand():
    layout = Layout("packet", [("op", 2, False, ""), ("x", 3, True, ""), ("n", 4, False, "")])
    assert layout.encode(op=1, x=-2, n=9) == 0b1001_110_01
    assert layout.decode(0b0000_011_10) == {"op": 2, "x": 3, "n": 0}
    isa = Isa(PRESETS["ultra96"])  # 32x32, words of 128 bits
    assert (isa.weight_words, isa.row_words, isa.column_words) == (32, 8, 16)
    assert isa.entries([1, 2, 3, 4, 5], ROW_ENTRY_BITS, 2) == [1 | 2 << 32 | 3 << 64 | 4 << 96, 5]
    assert Isa(PRESETS["tiny"]).entries([7, 8], COLUMN_ENTRY_BITS, 3) == [7, 8, 0]


@pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.config.name)
def test_entries_and_instructions_fit(isa):
    assert isa.row.width <= ROW_ENTRY_BITS and isa.column.width <= COLUMN_ENTRY_BITS
    assert max(x.width for x in isa.instructions.values()) <= isa.instruction_words * isa.config.word_bits
    assert all(x.fields["op"].offset == 0 for x in isa.instructions.values())
    assert 0 not in set(Opcode)


@pytest.mark.parametrize("value", [8, -9])
def test_signed_range(value):
    with pytest.raises(CodesignError, match=re.escape(f"Field x must be in -8..7 (4 bits), not {value}")):
        Field("x", 4, True, 0, "").encode(value)


def test_unsigned_range_and_unknown_field():
    row = Isa(PRESETS["tiny"]).row
    with pytest.raises(CodesignError, match=r"^Field addr must be in 0\.\.16383 \(14 bits\), not -1$"):
        row.encode(addr=-1)
    with pytest.raises(CodesignError, match=r"^row descriptor field must be one of addr, .*, not \['address'\]$"):
        row.encode(address=1)


@pytest.mark.parametrize("isa", ISAS[:3], ids=lambda isa: isa.config.name)
def test_c_header_says_the_same(isa, tmp_path):
    """Compiled as C, all warnings errors, every constant has the value of the layout's."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    wanted = {"CODESIGN_WORD_BITS": isa.config.word_bits, "CODESIGN_INSTRUCTION_WORDS": isa.instruction_words,
              "CODESIGN_WEIGHT_WORDS": isa.weight_words, "CODESIGN_ROW_WORDS": isa.row_words,
              "CODESIGN_COLUMN_WORDS": isa.column_words, **{f"CODESIGN_OP_{op.name}": op.value for op in Opcode}}
    for layout in (*isa.instructions.values(), isa.row, isa.column):
        for f in layout.fields.values():
            name = f"CODESIGN_{layout.name}_{f.name}".upper().replace(" ", "_")
            wanted |= {f"{name}_OFFSET": f.offset, f"{name}_BITS": f.width}
    header = isa.c_header()
    assert set(re.findall(r"#define (\w+) ", header)) == set(wanted)
    (tmp_path / "isa.h").write_text(header)
    checks = "\n".join(f'_Static_assert({name} == {value}, "{name}");' for name, value in wanted.items())
    (tmp_path / "check.c").write_text(f'#include "isa.h"\n#include "isa.h"\n{checks}\n')
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "check.c"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_describe_names_every_field_with_its_bits():
    isa = Isa(PRESETS["tiny"])
    text = isa.describe()
    for layout in (*isa.instructions.values(), isa.row, isa.column):
        assert f"{layout.name} ({layout.width} bits)" in text
        for f in layout.fields.values():
            assert re.search(rf"\b{f.offset}  {f.name} +[su]{f.width} +{re.escape(f.doc)}", text), f
