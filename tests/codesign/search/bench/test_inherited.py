import json

import pytest
from scipy import stats

from codesign.search.bench import inherited as bench
from codesign.search.bench.judge import Judge, best_of_all, tabulated
from codesign.search.bench.table import EPOCHS, bench_networks, read_table, validation_images


def test_tau_is_of_the_networks_that_both_have():
    """By counting pairs: of six, five are in the same order, and one is not."""
    assert bench.tau({"a": 1, "b": 2, "c": 3, "d": 4, "e": 0}, {"a": 1, "b": 3, "c": 2, "d": 4}) == pytest.approx(4 / 6)


def test_networks_as_good_as_alone_conquer_all():
    table, images = read_table(), validation_images()
    best = best_of_all(Judge(tabulated(table, images)))
    alone = {digest: table[digest][EPOCHS] / images for digest in bench_networks()}
    same = bench.compared(alone, table, images, best)
    assert (same["tau"], same["conquered"], same["inherited"]) == pytest.approx((1, 1, same["alone"]))
    early = {digest: table[digest][3] / images for digest in alone}
    ranks = stats.kendalltau([early[d] for d in alone], [alone[d] for d in alone]).statistic
    found = bench.compared(early, table, images, best)
    assert found["tau"] == pytest.approx(ranks) and 0 < found["conquered"] < 0.8


@pytest.mark.slow
def test_the_command(capsys):
    """A supernet really trained, for as long as one network."""
    bench.main(["--budget", "1", "--workers", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    row, = found["supernets"]
    assert 0.1 < row["inherited"] < row["alone"] and -1 < row["tau"] < 1 and 0 <= row["conquered"] < 1
    assert 0 < found["tau_of_epochs"]["3"] < found["tau_of_epochs"]["8"] < 1
