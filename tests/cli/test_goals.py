import pytest

from .conftest import run_codesign


@pytest.mark.parametrize(("option", "bound", "rule"), [
    ("min-accuracy", "97", "a number above 0, at most 1 (accuracy, 0 to 1), not 97.0"),
    ("max-latency-ms", "fast", "a finite number above 0 (ms an image), not 'fast'"),
    ("max-luts", "-1", "a whole number above 0 (LUTs (estimate)), not -1.0"),
])
def test_a_bound_that_cannot_be_is_refused_in_a_line(tmp_path, option, bound, rule):
    result = run_codesign("sweep", "--out", "sweep", f"--{option}", bound, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr == (
        f"codesign sweep: argument --{option}: {option} must be {rule} (see codesign sweep --help)\n")
    assert list(tmp_path.iterdir()) == []
