import json

import pytest
from scipy import stats

from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.pool import Pool
from codesign.search.bench import __main__ as bench
from codesign.search.bench.comparison import Runs, compare, interval, summarize
from codesign.search.bench.judge import Judge, best_of_all, tabulated
from codesign.search.bench.picture import draw
from codesign.search.bench.table import SEED, read_table, validation_images
from codesign.search.prepared import PREPARED
from codesign.search.training import Shared
from codesign.workers import LocalCrew
from tests.codesign.search import sweep_tools


@pytest.fixture(scope="module")
def judge():
    return Judge(tabulated(read_table(), validation_images()))


def runs_of(values, about=""):
    runs = Runs(about=about)
    runs.update({(kind, seed, 6): value for kind, found in values.items() for seed, value in enumerate(found)})
    return runs


def test_gains_are_on_random_search_with_the_same_seeds():
    runs = runs_of({"random": [0.25, 0.3, 0.35, 0.9], "other": [0.3, 0.35, 0.4], "once": [0.1]})
    found = summarize(runs, 0.5, ["random", "other", "once"], 6)
    assert found.keys() == {"random", "other"} and found["other"].seeds == 3
    assert found["other"].mean == pytest.approx(0.7) and found["random"].gain == 0
    assert (found["other"].gain, *found["other"].gain_interval) == pytest.approx((0.1, 0.1, 0.1))
    assert summarize(runs, 0.5, ["random"], 12) == {}


def test_an_interval_is_students():
    values = [0.5, 0.6, 0.65, 0.8]
    test = stats.ttest_1samp(values, 0.5).confidence_interval(0.95)
    assert interval(values) == pytest.approx((test.low, test.high))


def test_runs_are_kept_and_continued(tmp_path, judge):
    """The same as at once; and a file of another space, or a broken one, is refused."""
    path = tmp_path / "runs.csv"
    compare(["nsga2"], 1, [2], judge, runs=Runs(path, "these"))
    parts = compare(["nsga2"], 2, [2, 4], judge, runs=Runs(path, "these"))
    assert parts == compare(["nsga2"], 2, [2, 4], judge) == Runs(path, "these") and len(parts) == 8
    marked = Runs(path, "these")
    marked["nsga2", 0, 2] = 9.0
    marked.keep()
    assert compare(["nsga2"], 1, [2], judge, runs=Runs(path, "these"))["nsga2", 0, 2] == 9  # not run again
    with pytest.raises(CodesignError, match="Runs '.*' must be those, not 'these'"):
        Runs(path, "those")
    path.write_text("# these\nsearch,seed\nnsga2,1\n")
    with pytest.raises(CodesignError, match="Runs '.*' must be readable, with search, seed, trainings"):
        Runs(path, "these")


def test_a_picture_has_every_search_and_budget(tmp_path):
    runs = runs_of({"random": [0.25, 0.3], "other": [0.3, 0.35]})
    runs.update({(kind, seed, 12): 0.4 + seed / 10 for kind in ("random", "other") for seed in range(2)})
    by_budget = {n: summarize(runs, 0.5, ["random", "other"], n) for n in (6, 12)}
    draw(by_budget, tmp_path / "a.svg")
    draw(by_budget, tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert all(f"<!-- {label} -->" in text for label in ("random", "other", "6 trainings", "12 trainings"))
    with pytest.raises(CodesignError, match="Picture must be .png or .svg, not 'a.gif'"):
        draw(by_budget, tmp_path / "a.gif")
    with pytest.raises(CodesignError, match="Picture '.*' must be writable"):
        draw(by_budget, tmp_path / "nowhere" / "a.png")
    assert {path.name for path in tmp_path.iterdir()} == {"a.svg", "b.svg"}


def test_the_command(capsys, tmp_path):
    bench.main(["--search", "nsga2", "--seeds", "2", "--budget", "6", "--json", "--runs", str(tmp_path / "runs.csv")])
    found = json.loads(capsys.readouterr().out)
    assert set(found["searches"]["6"]) == {"nsga2", "random"} and found["accuracies"] == "tabulated"
    assert all(0 < summary["mean"] < 1 for summary in found["searches"]["6"].values())
    bench.main(["--search", "random", "--seeds", "2", "--budget", "6", "--runs", str(tmp_path / "runs.csv"),
                "--picture", str(tmp_path / "picture.png")])
    text = capsys.readouterr().out
    assert "tabulated validation accuracies" in text and "nsga2" in text  # whose runs are there
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_what_trains_first_is_within_the_budget(judge):
    """Really trained: the same seed conquers the same."""
    from codesign.train import train

    shared = Shared(train=train, measure=sweep_tools.never, dataset=load_dataset("digits"), seed=SEED)
    with Pool(LocalCrew(2, shared)) as pool:
        for kind in PREPARED:
            first, again = (compare([kind], 1, [4], judge, pool)[kind, 0, 4] for _ in range(2))
            assert first == again and 0 <= first <= best_of_all(judge)
