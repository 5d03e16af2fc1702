import pytest

from .conftest import run_codesign


@pytest.mark.parametrize(("words", "message"), [
    (["--min-accuracy", "97"], "argument --min-accuracy: min-accuracy must be a number above 0, at most 1 (accuracy, 0 "
                               "to 1), not 97.0"),
    (["--max-latency-ms", "fast"], "argument --max-latency-ms: max-latency-ms must be a finite number above 0 (ms an "
                                   "image), not 'fast'"),
    (["--max-luts", "-1"], "argument --max-luts: max-luts must be a whole number above 0 (LUTs (estimate)), not -1.0"),
])
def test_a_bound_that_cannot_be_is_refused_in_a_line(tmp_path, words, message):
    result = run_codesign("sweep", "--out", "sweep", *words, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr == f"codesign sweep: {message} (see codesign sweep --help)\n"
    assert list(tmp_path.iterdir()) == []
