"""Fuzzing the firmware's parser and commands, under AddressSanitizer and UndefinedBehaviorSanitizer.

What is checked of every frame is in fuzz.c. With clang's libFuzzer, for longer:

    python -m tests.firmware.builds FOLDER clang-14 && cd FOLDER && mkdir corpus
    ./libfuzzer -max_total_time=660 -max_len=1024 -timeout=10 corpus
"""

import re
import shutil
import subprocess

import pytest

from tests.firmware.builds import FUZZED, build_libfuzzer, build_measured, build_seeded, write_sources

CLANG = next(filter(shutil.which, ("clang", "clang-19", "clang-16", "clang-15", "clang-14")), None)

#: Of a file: what is there, and what it becomes. Each must be found within a few seconds.
MUTANTS = {
    "a write beyond the end": ("commands.c", "count <= hal_shared_bytes() - offset", "count <= hal_shared_bytes()"),
    "too long an answer": ("commands.c", "if (bytes > CODESIGN_MAX_PAYLOAD) return CODESIGN_STATUS_OUT_OF_RANGE;", ""),
    "too long an echo": ("commands.c", "ECHO: return count <= CODESIGN_MAX_PAYLOAD;", "ECHO: return true;"),
    "a request too short": ("commands.c", "return count == CODESIGN_CHECKSUM_REQUEST_BYTES", "return count < 9"),
    "too long a frame": ("link.c", "received == sizeof frame", "received == sizeof frame + 1"),
    "a block longer than its frame": ("cobs.c", " || from + code > *count", ""),
    "no CRC": ("link.c", "crc32(frame, count) != get32(frame + count)", "false"),
    "another request's answer": ("link.c", "if (slot->op == op) repeat", "if (slot->op) repeat"),
    "a change made twice": ("link.c", "slot->op = op;", ""),
    "results beyond the end": ("accelerator.c", " || output_end > hal_shared_bytes()", ""),
    "results upon the program": ("accelerator.c", "job->program_offset < output_end", "false"),
    "another accelerator": ("accelerator.c", "now.beat_bytes != there.beat_bytes", "false"),
    "no such trace": ("accelerator.c", " || count > CODESIGN_TRACE_ENTRIES - first", ""),
    "too many samples": ("measure.c", "bytes > CODESIGN_MAX_PAYLOAD - CODESIGN_POWER_ANSWER_SAMPLES || ", ""),
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    work = tmp_path_factory.mktemp("fuzz")
    write_sources(work)
    return work


def run(work, *command, timeout_s: float) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=work, capture_output=True, text=True, errors="replace", timeout=timeout_s)


def inputs(result: subprocess.CompletedProcess) -> int:
    assert result.returncode == 0, result.stderr[-3000:]
    found = re.search(r"^(\d+) inputs", result.stdout, re.MULTILINE)
    return int(found[1])


def test_no_finding_in_seconds(work):
    assert inputs(run(work, build_seeded(work), "1", "3", timeout_s=60)) > 100


def test_a_missing_bound_is_found(tmp_path):
    assert_caught(tmp_path, "a write beyond the end")


def assert_caught(folder, name: str) -> None:
    write_sources(folder)
    file, old, new = MUTANTS[name]
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))
    result = run(folder, build_seeded(folder), "1", "30", timeout_s=90)
    assert result.returncode, f"{name} must be found"
    assert (folder / "finding.bin").exists() and re.search("fake board:|Sanitizer|runtime error", result.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_seeded_bugs_are_found(tmp_path, name):
    assert_caught(tmp_path, name)


@pytest.mark.slow
def test_no_finding_in_a_minute(work):
    """And nearly every line is reached."""
    corpus = work / "corpus"
    corpus.mkdir()
    assert inputs(run(work, build_seeded(work), "2", "60", corpus, timeout_s=150)) > 10_000
    kept = sorted(corpus.iterdir())
    assert inputs(run(work, build_measured(work), "-", *kept, timeout_s=100)) == len(kept)
    for name in FUZZED:
        report = run(work, "gcov", "-n", f"measured-{name}.gcda", timeout_s=60).stdout
        share = re.search(rf"File '{re.escape(name)}'\nLines executed:([\d.]+)%", report)
        assert float(share[1]) > 95, report


@pytest.mark.slow
@pytest.mark.skipif(CLANG is None, reason="needs clang and its libFuzzer")
def test_no_finding_of_libfuzzer(work):
    program = build_libfuzzer(work, CLANG)
    result = run(work, program, "-seed=1", "-max_total_time=30", "-max_len=1024", "-timeout=10", timeout_s=120)
    assert result.returncode == 0, result.stderr[-3000:]
