import dataclasses
import re

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig, Memory, load_accelerator
from codesign.errors import CodesignError

GOOD = dict(rows=4, cols=6, bank_depth=256, acc_depth=16, bus_bits=64)


@pytest.mark.parametrize("change, message", [
    ({"rows": 3}, "Accelerator rows must be an integer in 4..128, not 3"),
    ({"rows": 0}, "Accelerator rows must be an integer in 4..128, not 0"),
    ({"cols": "8"}, "Accelerator cols must be an integer in 4..128, not '8'"),
    ({"cols": True}, "Accelerator cols must be an integer in 4..128, not True"),
    ({"cols": 4.0}, "Accelerator cols must be an integer in 4..128, not 4.0"),
    ({"bank_depth": 300}, "Accelerator bank_depth must be a power of two, not 300"),
    ({"acc_depth": 2}, "Accelerator acc_depth must be an integer in 4..16384, not 2"),
    ({"acc_bits": 33}, "Accelerator acc_bits must be an integer in 16..32, not 33"),
    ({"cols": 20}, "Accelerator bus_bits must be at least 128 bits for 20 weights a word, not 64"),
    ({"bus_bits": 1024}, "Accelerator bus_bits must be an integer in 64..512, not 1024"),
    ({"clock_hz": 5}, "Accelerator clock_hz must be an integer in 1000000..1000000000, not 5"),
    ({"colums": 4}, "Accelerator key must be one of preset, name, rows, cols"),
    ({"memory": {"latency": 3}}, "Accelerator memory must be a mapping of bytes_per_cycle, latency_cycles"),
    ({"memory": {"latency_cycles": 0}}, "Memory latency_cycles must be an integer in 1..10000 cycles, not 0"),
    ({"memory": {"bytes_per_cycle": float("nan")}},
     "Memory bytes_per_cycle must be a number in 0.1..1024 bytes, not nan"),
    ({"name": ""}, "Accelerator name must be a text, not ''"),
    ({"preset": "huge"}, "Accelerator preset must be one of tiny, ulx3s, ultra96, zcu102, not 'huge'"),
])
def test_bad_values(change, message):
    with pytest.raises(CodesignError, match=f"^{re.escape(message)}"):
        AcceleratorConfig.from_dict(GOOD | change)


@pytest.mark.parametrize("values, message", [
    ([], "Accelerator must be a mapping of its fields, not []"),
    ({"rows": 4, "cols": 4}, "Accelerator must give bank_depth, acc_depth, bus_bits (or start from a preset)"),
])
def test_bad_files(values, message):
    with pytest.raises(CodesignError, match=f"^{re.escape(message)}$"):
        AcceleratorConfig.from_dict(values)


@pytest.mark.parametrize("text, message", [
    ("rows: [", "Accelerator file .* must be YAML: "),
    ("rows: 4\ncols: 4\n", "bad.yaml: Accelerator must give "),
])
def test_bad_text_names_the_file(text, message, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(CodesignError, match=message) as e:
        load_accelerator(str(path))
    assert "\n" not in str(e.value)


def test_unknown_name_and_missing_file(tmp_path):
    with pytest.raises(CodesignError, match=r"^Accelerator must be one of tiny, .* or a \.yaml file, not 'large'$"):
        load_accelerator("large")
    with pytest.raises(CodesignError, match=r"^Accelerator file '.*none\.yaml' must be readable: "):
        load_accelerator(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_round_trip(config):
    assert AcceleratorConfig.from_dict(config.to_dict()) == config
    assert load_accelerator(config.name) is config


def test_preset_in_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("preset: tiny\nrows: 8\nmemory: {latency_cycles: 7}\n")
    config = load_accelerator(str(path))
    assert config == dataclasses.replace(PRESETS["tiny"], name="tiny-custom", rows=8, memory=Memory(latency_cycles=7))


def test_widths_by_hand():
    config = AcceleratorConfig(**GOOD)  # 4 rows: |sum| <= 4 * 15 * 8 = 480
    assert (config.psum_bits, config.addr_bits, config.acc_addr_bits, config.word_bits) == (10, 8, 4, 64)
    assert (config.columns_per_bank, config.bank_groups, config.words_per_beat) == (2, 1, 1)
    tall = dataclasses.replace(config, rows=13, cols=5, bus_bits=256)
    assert (tall.columns_per_bank, tall.bank_groups, tall.words_per_beat) == (1, 3, 4)
    assert dataclasses.replace(config, cols=17, bus_bits=128).word_bits == 128
    assert config.scaled_bits == 41


def test_digest_is_of_the_hardware_alone():
    config = AcceleratorConfig(**GOOD)
    same = dataclasses.replace(config, name="other", clock_hz=7_000_000, memory=Memory(latency_cycles=3))
    assert same.digest() == config.digest()
    digests = {dataclasses.replace(config, **change).digest() for change in (
        {}, {"rows": 5}, {"cols": 5}, {"bank_depth": 512}, {"acc_depth": 32}, {"acc_bits": 25}, {"bus_bits": 128},
        {"burst_beats": 8}, {"fifo_bursts": 8})}
    assert len(digests) == 9
