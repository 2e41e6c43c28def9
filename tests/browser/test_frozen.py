"""Frozen pages, opened from the disk: they ask for nothing but their own files."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from skribe.ui.freeze import freeze
from tests.browser.test_search import brush, left
from tests.browser.watching import STOPPED, Tab, frames_attacked


@pytest.fixture(scope="module")
def ice(shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the folder with the frozen pages."""
    target = tmp_path_factory.mktemp("frozen") / "site"
    freeze(shelf.folder, target, compare=[shelf.one, shelf.other])
    return f"{target.as_uri()}/"


@pytest.fixture
def frozen(ice, open_tab) -> Iterator[Tab]:
    tab = open_tab(ice)
    fetched: list[str] = []
    asking = {"fetch", "xhr", "websocket", "eventsource", "ping"}
    tab.page.on("request", lambda request: fetched.append(request.url) if request.resource_type in asking else None)
    yield tab
    assert fetched == []


def test_one_comes_from_page_to_page(frozen):
    frozen.page.clock.install()
    page = frozen.go("index.html")
    expect(page.get_by_role("link", name="blobs", exact=True).first).to_be_visible()
    expect(page.locator(".mark").first).to_contain_text("frozen")
    assert frozen.violations() == []
    for name, title in (("Runs", "All runs"), ("Models", "Models"), ("Experiments", "Experiments")):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page.locator("h1")).to_have_text(title)
        page.clock.fast_forward(30_000)  # a live page would have asked by then what is new
    expect(page.get_by_role("link", name="Trash")).to_have_count(0)


def test_the_table_is_sorted_and_searched_by_words(frozen, shelf):
    page = frozen.go("runs.html")
    names = page.locator(".grid-body .row[id] .run-link")
    page.locator("#filter-kind").select_option("fit")
    page.get_by_role("button", name="Run", exact=True).click()
    fits = [re.compile(name) for name in ("^KMeans", "^Logistic", "^Pipeline", "^Pipeline", "^Ridge")]
    expect(names).to_have_text(fits)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(names).to_have_text(fits[::-1])
    page.locator("#query").fill("pipeline")
    expect(names).to_have_text(fits[2:4])
    page.locator("#filter-kind").select_option("search")
    expect(page.locator("#grid-empty")).to_contain_text("No run is like that")
    page.locator("#query").fill("metrics.accuracy > 0.5")
    expect(page.get_by_role("heading", name="Conditions need the live page")).to_be_visible()
    page.locator("#query").fill("")
    expect(page.locator("#count")).to_have_text("3 runs")
    page.locator(".run-link", has_text="HalvingGridSearchCV").click()
    expect(page.locator("h1")).to_contain_text("HalvingGridSearchCV")
    assert page.url.endswith(f"/runs/{shelf.halving}.html")


def test_a_run_and_its_pictures(frozen, shelf):
    page = frozen.go(f"runs/{shelf.one}.html")
    figures = page.locator("[data-pictures] figure")
    expect(figures.first).to_be_visible()
    frozen.drawn(figures.first)
    page.get_by_role("group", name="Which data").get_by_role("button", name="training").click()
    frozen.drawn(figures.first)
    assert frozen.violations() == []
    page.get_by_role("link", name="churn v1", exact=True).click()
    expect(page.locator("h1")).to_have_text("churn")


def test_a_search_is_brushed(frozen, shelf):
    page = frozen.go(f"runs/{shelf.grid}.html")
    frozen.drawn(page.locator(".parallel-layer").first)
    brush(frozen, 4, 0.6, 1.0)
    expect(left(frozen)).to_contain_text(" of 20")
    page.get_by_role("link", name="Open its run").click()
    expect(page.locator(".crumbs")).to_contain_text("GridSearchCV")


def test_a_comparison_that_was_frozen(frozen):
    page = frozen.go("compare.html")
    expect(page.locator(".compare-table")).to_contain_text("logisticregression__C")
    frozen.drawn(page.locator("[data-pictures] figure").first)


def test_files_and_attacks(frozen, shelf):
    frozen.expect(STOPPED + "|Not allowed to load local resource")
    page = frozen.go(f"runs/{shelf.by_hand}.html")
    for name in ("notes.txt", "report.html", "deep/drawing.svg"):
        page.locator("#files").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#files iframe")).to_have_count(3)
    report = page.frame_locator("iframe[title='report.html']").frame_locator("iframe")
    expect(report.get_by_role("heading", name="Report of mine")).to_be_visible()
    assert frames_attacked(page) == []
    for place in (f"runs/{shelf.hostile}.html", f"runs/{shelf.hostile_search}.html", "runs.html", "models.html"):
        frozen.go(place)
        expect(page.locator("h1")).to_be_visible()
        assert frames_attacked(page) == []
