"""Malformed and impossible networks and accelerators: one line that names the field, the rule and the value."""

import re

import pytest

TOO_SHALLOW = r"Accelerator bank_depth must be (at least|more than) \d+ words.*"


def network(layers: str, input: str = "[1, 8, 8]") -> str:
    return f"name: n\ninput: {input}\nlayers: [{layers}, average, {{linear: 10}}]\n"


@pytest.mark.parametrize("text, rule", [
    ("name: [", r"Network must be YAML: .*"),
    ("[]", r"Network must be a mapping of name, input, layers, not \[\]"),
    (network("{conv: 8}") + "colour: 3\n", r"Network key must be one of name, input, layers, not 'colour'"),
    (network("{conv: 8}, {turn: 2}"), r"layers\[1\]: layer must be one of conv, .* not \{'turn': 2\}"),
    (network("{conv: 0}"), r"layers\[0\]: conv out must be an integer in 1\.\.16384, not 0"),
    (network("{conv: 8}", "[0, 8, 8]"), r"Network input channels must be an integer in 1\.\.1024, not 0"),
    (network("{conv: 99999}"), r"layers\[0\]: conv out must be an integer in 1\.\.16384, not 99999"),
    (network("{conv: 9}, {block: {out: 18}}"), r"layers\[1\]: block must split an even number of channels, not 9"),
    (network("{conv: 8}, pool", "[1, 1, 1]"), r"layers\[1\]: .*Pool must see a map of at least 2x2 pixels .*not 1x1"),
    (network("{conv: 8}, {shift: [sideways]}"), r"layers\[1\]: shift direction must be one of .* not 'sideways'"),
    (network("{conv: 8}", "[1, 1100, 8]"), r"map must be at most 1023 pixels wide and high, not 1100x8"),
    (network("{conv: 16384}, {conv: 16384}"), rf"{TOO_SHALLOW} not 4096"),
    (network("{conv: 8}", "[3, 64, 64]"), rf"{TOO_SHALLOW} not 4096"),
])
def test_network(error_line, tmp_path, text, rule):
    (tmp_path / "bad.yaml").write_text(text)
    line = error_line("generate", "bad.yaml", "--random-weights", 1, "--accelerator", "tiny", "--out", "out")
    assert re.search(rf"^codesign generate: .*{rule}$", line)


@pytest.mark.parametrize("text, rule", [
    ("rows: {", r"Accelerator file 'bad\.yaml' must be YAML: .*"),
    ("rows", r"Accelerator must be a mapping of its fields, not 'rows'"),
    ("preset: tiny\nrowz: 4", r"Accelerator key must be one of preset, .* not 'rowz'"),
    ("preset: huge", r"Accelerator preset must be one of tiny, ulx3s, ultra96, zcu102, not 'huge'"),
    ("rows: 4", r"Accelerator must give cols, bank_depth, acc_depth, bus_bits \(or start from a preset\)"),
    ("preset: tiny\nrows: 0", r"Accelerator rows must be an integer in 4\.\.128, not 0"),
    ("preset: tiny\nrows: four", r"Accelerator rows must be an integer in 4\.\.128, not 'four'"),
    ("preset: tiny\nbank_depth: 1000", r"Accelerator bank_depth must be a power of two, not 1000"),
    ("preset: tiny\ncols: 32", r"Accelerator bus_bits must be at least 128 bits for 32 weights a word, not 64"),
    ("preset: tiny\nmemory: {latency_cycles: 0}", r"Memory latency_cycles must be an integer in 1\.\.10000 .* not 0"),
    ("preset: tiny\nwide_rows: 5", r"Accelerator wide_rows must be at most rows \(4\), not 5"),
    ("preset: tiny\nwide_rows: yes", r"Accelerator wide_rows must be an integer in 0\.\.128, not True"),
])
def test_accelerator(error_line, tmp_path, text, rule):
    (tmp_path / "bad.yaml").write_text(text)
    line = error_line("generate", "network.yaml", "--random-weights", 1, "--accelerator", "bad.yaml", "--out", "out")
    assert re.search(rf"^codesign generate: (bad\.yaml: )?{rule}$", line)


def test_accelerator_too_small_for_the_network(error_line, tmp_path):
    (tmp_path / "small.yaml").write_text("{preset: tiny, bank_depth: 64}")
    (tmp_path / "large.yaml").write_text(network("{conv: 8}, pool", "[1, 18, 18]"))
    line = error_line("estimate", "large.yaml", "--accelerator", "small.yaml")
    assert re.search(r"^codesign estimate: Accelerator bank_depth must be at least \d+ words .* not 64$", line)


@pytest.mark.parametrize("words, rule", [
    (["analyze", "none.yaml"], r"Network file 'none\.yaml' must be readable: .*No such file.*"),
    (["analyze", "vgg"], r"Network must be one of diracdeltanet-116, .* or a trained model's directory, not 'vgg'"),
    (["estimate", "network.yaml", "--accelerator", "big"], r"Accelerator must be one of tiny, .* not 'big'"),
    (["estimate", "network.yaml", "--board", "de10"], r"Board must be one of .*, ulx3s, zcu102 .* not 'de10'"),
    (["estimate", "network.yaml"], r"Accelerator must be given by --accelerator or --board"),
    (["estimate", "network.yaml", "--accelerator", "zcu102", "--board", "ulx3s"],
     r"Accelerator zcu102: lut must be at most 83640 on ulx3s, not \d+ \(estimate\), .*; by the estimate, .* fit"),
    (["run", "network.yaml", "--accelerator", "tiny"], r"Model must be .* with --random-weights SEED, not .*"),
    (["run", ".", "--accelerator", "tiny"], r"\.: Model must hold readable network\.yaml, .*"),
    (["train", "network.yaml", "--dataset", "mnist", "--out", "m"],
     r"Data set must be digits, a folder or an \.npz file, not 'mnist'"),
    (["train", "diracdeltanet-116", "--dataset", "digits", "--out", "m"],
     r"Network input must be the data set's \[1, 8, 8\], not \[3, 224, 224\]"),
    (["sweep", "--out", "s", "--space", "none"], r"Space must be one of digits or a \.yaml file, not 'none'"),
    (["sweep", "--out", "s", "--trials", "3", "--trained", "4"], r"Sweep trained must be at most trials \(3\), not 4"),
    (["sweep", "--out", "s", "--dataset", "none"], r"Data set must be digits, a folder or an \.npz file, not 'none'"),
    (["sweep", "--out", "."], r"Sweep directory must be empty or a sweep's, not '\.'"),
    (["report", "."], r"Report must be of a sweep's directory with results\.json, not '\.'"),
    (["costs", "show", "."], r"Cost table '.*costs\.db' must exist"),
    (["sweep", "--out", "out", "--costs", "none.db"], r"Cost table 'none\.db' must exist"),
    (["sweep", "--out", "out", "--costs", "."], r"Cost table 'costs\.db' must exist"),
    (["sweep", "--out", "out", "--costs", "network.yaml"], r"Cost table 'network\.yaml' must be an intact SQLite .*"),
    (["costs", "check", "network.yaml"], r"Cost table 'network\.yaml' must be an intact SQLite file, not a damaged .*"),
    (["costs", "export", ".", "--out", "rows.txt"],
     r"Export must be a \.csv, \.jsonl, \.yaml \(ofa\) or \.json \(fbnet\) file, or have a --format, not 'rows\.txt'"),
    (["costs", "import", "t.db", "network.yaml"], r"Cost rows file must be a \.jsonl or \.csv file, not .*"),
    (["costs", "import", "t.db", "none.csv"], r"Cost rows file 'none\.csv' must be readable: .*No such file.*"),
    (["costs", "build", "--accelerator", "tiny", "--network", "network.yaml", "--out", "t.db"],
     r"Board must be given by --board: its name, clock and memory are part of a row's key"),
    (["costs", "build", "--board", "ulx3s", "--out", "none/t.db"],
     r"Cost table 'none/t\.db' must be in a writable directory, not 'none'"),
    (["costs", "build", "--board", "ulx3s", "--network", "none.yaml", "--out", "t.db"],
     r"Network file 'none\.yaml' must be readable: .*No such file.*"),
    (["costs", "build", "--board", "ulx3s", "--network", "diracdeltanet-116", "--out", "t.db"],
     r"Accelerator bank_depth must be .*"),
])
def test_other_requests(error_line, words, rule):
    assert re.search(rf"^codesign {words[0]}: {rule}$", error_line(*words))
