"""The report as a person sees it, in a headless Chromium."""

import contextlib
import copy
import json
import shutil

import pytest

from codesign.report import load_results, write_report
from codesign.search import run_sweep
from tests.codesign.search import sweep_tools

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "out"
    run_sweep(sweep_tools.options(out, trials=14, trained=8), sweep_tools.tools(train=sweep_tools.quick_train))
    write_report(out, sweep_tools.DATASET(), "codesign sweep --out out")
    return out


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright, contextlib.closing(playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"])) as chromium:
        yield chromium


@contextlib.contextmanager
def opened(browser, out, width=1280):
    """The page without a network; whatever its script or the console complains of fails the test."""
    with contextlib.closing(browser.new_context(viewport={"width": width, "height": 900}, offline=True)) as context:
        page, complaints = context.new_page(), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:"))
                else complaints.append(request.url))
        page.goto(f"file://{out / 'report.html'}")
        yield page
        assert complaints == []


def test_plots_and_networks_are_drawn(browser, sweep):
    results = load_results(sweep)
    trained = [c for c in results["candidates"] if c["status"] == "trained"]
    measured = [c for c in trained if "measured" in c]
    with opened(browser, sweep) as page:
        for section in page.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href'))"):
            assert page.locator(section).is_visible()
        assert page.locator("#fronts ~ .scroll svg.plot").first.locator("circle.trained").count() == len(trained)
        assert page.locator("svg.plot path.measured").count() == 5 * len(measured)
        assert page.locator("ul.net").count() == len(measured)
        sizes = page.locator("svg.plot:visible, svg.tile:visible").evaluate_all(
            "all => all.map(svg => [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height])")
        assert len(sizes) > 10 and all(width > 90 and height > 50 for width, height in sizes)
        described = page.locator("svg.plot, svg.tile").evaluate_all("all => all.map(svg => svg.ariaLabel)")
        assert all(described) and page.locator("img:not([alt])").count() == 0
        assert page.locator("img").evaluate_all("all => all.every(img => img.naturalWidth > 50)")


def test_pointing_and_focus_tell_of_a_candidate_and_light_it_up(browser, sweep):
    with opened(browser, sweep) as page:
        tip, star = page.locator("#tip"), page.locator("path.measured[tabindex]").first
        assert not tip.is_visible()
        star.hover()
        id = star.get_attribute("data-id")
        words = tip.inner_text()
        assert tip.is_visible() and words.startswith(id[:8]) and "held-out images (simulated)" in words
        assert page.locator("tr.lit").first.get_attribute("data-id") == id
        page.mouse.move(2, 2)
        assert not tip.is_visible() and page.locator(".lit").count() == 0
        star.focus()
        assert tip.is_visible()
        page.keyboard.press("Escape")
        assert not tip.is_visible()


def test_tables_are_sorted_by_mouse_and_keyboard(browser, sweep):
    with opened(browser, sweep) as page:
        table = page.locator("#front ~ .scroll table.sort").first
        heading = table.locator("th", has_text="cycles")

        def cycles():
            return table.locator("tbody tr").evaluate_all("rows => rows.map(r => Number(r.cells[3].dataset.v))")

        heading.locator("button").click()
        assert cycles() == sorted(cycles()) and heading.get_attribute("aria-sort") == "ascending"
        heading.locator("button").press("Enter")
        assert cycles() == sorted(cycles(), reverse=True) and heading.get_attribute("aria-sort") == "descending"
        assert len(set(cycles())) > 1
        accelerator = table.locator("th", has_text="accelerator")
        accelerator.locator("button").press("Space")
        names = table.locator("tbody tr").evaluate_all("rows => rows.map(r => r.cells[11].textContent)")
        assert names == sorted(names) and heading.get_attribute("aria-sort") is None


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_nothing_sticks_out_of_a_window(browser, sweep, width):
    with opened(browser, sweep, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_thousand_trials_open_at_once(browser, sweep, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(sweep, out)
    results = load_results(out)
    trained = next(c for c in results["candidates"] if c["status"] == "trained" and "measured" not in c)
    for n in range(1000 - len(results["candidates"])):
        more = copy.deepcopy(trained)
        more |= {"id": f"{n:012x}", "trial": 100 + n, "accuracy": trained["accuracy"] * (1 - n / 5000)}
        more["price"]["cycles"] += 7 * n
        results["candidates"].append(more)
    (out / "results.json").write_text(json.dumps(results))
    size = write_report(out, sweep_tools.DATASET()).stat().st_size
    with opened(browser, out) as page:
        assert page.locator("svg.plot").first.locator("circle.trained").count() > 980
    assert size < 4_000_000  # opens in a blink
