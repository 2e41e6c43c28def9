"""The table of runs: asked, sorted, unfolded, selected and saved, by mouse and by keyboard alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from skribe.session import journal_of
from tests.browser.filling import made, many
from tests.browser.serving import in_thread
from tests.browser.watching import Tab

COUNT = 3000
TOTAL = f"{COUNT + 3:,} runs"  # with three searches
BY_SCORE = "runs?sort=metrics.score&column=metrics.score"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a store with some thousand runs. Nobody changes it."""
    folder = tmp_path_factory.mktemp("crowd") / "skribe_runs"
    many(folder, COUNT)
    with in_thread(folder) as url:
        yield url


@pytest.fixture
def runs(crowd, open_tab) -> Tab:
    return open_tab(crowd)


def column(tab: Tab, head: str) -> list[str]:
    """What stands in the rows of a column, from the top."""
    return tab.page.evaluate(
        """(head) => {
          const heads = [...document.querySelectorAll(".grid-head .cell")];
          const place = heads.findIndex((one) => one.querySelector(".head-label").textContent === head);
          const rows = [...document.querySelectorAll(".grid-body .row[id]")].filter((row) => !row.hidden);
          rows.sort((one, other) => one.id.slice(4) - other.id.slice(4));
          const within = head === "Run" ? ".run-link" : "*";
          return rows.map((row) => (row.children[place].querySelector(within) || row.children[place]).textContent);
        }""",
        head,
    )


def heads(tab: Tab) -> list[str]:
    return tab.page.locator(".grid-head .head-label").all_inner_texts()


def first(tab: Tab, *names: str) -> None:
    """Wait until these runs stand at the top."""
    row = tab.page.locator("#row-0 .run-link")
    expect(row).to_have_text(names[0])
    tab.until(
        """(names) => names.every((name, n) => document.querySelector(`#row-${n} .run-link`)?.textContent === name)""",
        list(names),
    )


def counted(tab: Tab, text: str) -> None:
    expect(tab.page.locator("#count")).to_have_text(text)


def asked(tab: Tab) -> dict[str, list[str]]:
    return parse_qs(urlsplit(tab.page.url).query)


def ask(tab: Tab, text: str) -> None:
    tab.page.locator("#query").fill(text)
    tab.page.keyboard.press("Enter")


def test_the_newest_come_first(runs):
    runs.go("runs")
    counted(runs, TOTAL)
    first(runs, "search 2", "search 1", "search 0", "run 0", "run 1")


def test_a_click_on_a_metric_sorts_by_it_and_by_the_best_inside(runs):
    page = runs.go("runs?column=metrics.score")
    page.get_by_role("button", name="score").click()
    first(runs, "search 1", "search 0", "run 2999", "run 2998")
    assert column(runs, "score")[:3] == ["↳ best inside", "↳ best inside", "0.4998"]
    assert asked(runs)["sort"] == ["metrics.score"]
    page.get_by_role("button", name="score").click()
    first(runs, "run 0", "run 1")
    expect(page.get_by_role("columnheader", name="score")).to_have_attribute("aria-sort", "ascending")


def test_children_stay_under_their_parent_whatever_the_order(runs):
    page = runs.go(BY_SCORE + "&kind=search")
    first(runs, "search 1", "search 0", "search 2")
    page.locator("#row-0 .fold").click()
    first(runs, "search 1", "candidate 1.0", "candidate 1.1", "search 0")
    expect(page.locator("#row-0")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#row-1")).to_have_attribute("aria-level", "2")
    page.get_by_role("button", name="score").click()
    first(runs, "search 2", "search 0", "search 1", "candidate 1.1", "candidate 1.0")


def test_a_condition_filters(runs):
    page = runs.go("runs")
    ask(runs, "metrics.score > 0.4 and params.C == 1")
    expect(page.locator("#count")).not_to_have_text(TOTAL)
    count = int(page.locator("#count").inner_text().split()[0])
    assert 100 < count < 300
    ask(runs, "metrics.score > 0.4")
    counted(runs, "599 runs")
    assert asked(runs)["where"] == ["metrics.score > 0.4"]
    page.get_by_role("button", name="Clear the search").click()
    counted(runs, TOTAL)


def test_words_filter_and_become_a_condition(runs):
    page = runs.go("runs")
    page.locator("#query").press_sequentially("SEARCH", delay=1)
    counted(runs, "3 runs")
    expect(page.locator("#query-note")).to_contain_text('asked as "search" in name.lower()')
    page.reload()
    counted(runs, "3 runs")
    expect(page.locator("#query")).to_have_value("search")


def test_a_mistake_is_pointed_at(runs):
    runs.expect("status of 400")
    page = runs.go("runs")
    ask(runs, "metrics.score > > 1")
    note = page.locator("#query-note")
    expect(note).to_have_class(re.compile("bad"))
    expect(page.locator("#query")).to_have_attribute("aria-invalid", "true")
    text, mark = note.locator("pre").inner_text().split("\n")
    assert text[mark.index("^") :].startswith(">"), (text, mark)
    ask(runs, "metrics.score > 0.4")
    counted(runs, "599 runs")
    expect(note).not_to_have_class(re.compile("bad"))


def test_keys_are_completed_with_the_keyboard(runs):
    page = runs.go("runs")
    page.locator("#query").press_sequentially("st", delay=1)
    expect(page.locator("#suggestions li code")).to_have_text(["status", "start", "estimator"])
    page.keyboard.press("ArrowDown")
    expect(page.locator("#suggestions [aria-selected=true]")).to_have_text(re.compile("^status"))
    page.locator("#query").fill("")
    page.locator("#query").press_sequentially("sco", delay=1)
    option = page.get_by_role("option", name="metrics.score")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(page.locator("#query")).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("Enter")
    expect(page.locator("#query")).to_have_value("metrics.score ")
    page.keyboard.type("> 0.4")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    counted(runs, "599 runs")


def test_columns_are_chosen_and_kept(runs):
    page = runs.go("runs")
    counted(runs, TOTAL)
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_role("button", name="Bare").click()
    dialog.get_by_label("Find a key").fill("tol")
    dialog.get_by_role("checkbox", name="tol").check()
    assert runs.violations() == []
    dialog.get_by_role("button", name="Done").click()
    assert heads(runs) == ["Run", "Status", "Started", "Duration", "tol"]
    expect(page.locator("#row-3 .cell").last).to_have_text("0.5")
    page.goto(runs.home + "runs")
    expect(page.locator(".grid-head .head-label").last).to_have_text("tol")


def test_unchanged_columns_are_hidden(runs):
    page = runs.go("runs?column=metrics.score&column=metrics.same&column=params.tol")
    first(runs, "search 2")
    assert heads(runs)[-3:] == ["score", "same", "tol"]
    page.get_by_label("Hide unchanged").check()
    tab_heads = page.locator(".grid-head .head-label")
    expect(tab_heads.last).to_have_text("score")
    assert "same" not in heads(runs)
    page.get_by_label("Hide unchanged").uncheck()
    expect(tab_heads.last).to_have_text("tol")


def test_what_is_selected_is_compared(runs):
    page = runs.go("runs")
    first(runs, "search 2")
    page.get_by_label(re.compile("^Select run 0 ")).check()
    expect(page.locator("#compare")).to_have_attribute("aria-disabled", "true")
    page.get_by_label(re.compile("^Select run 2 ")).click(modifiers=["Shift"])
    expect(page.locator("#selected-count")).to_have_text("3 selected")
    page.locator("#compare").click()
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
    expect(page.get_by_role("link", name="run 1")).to_be_visible()


def test_what_is_shown_is_saved(runs):
    page = runs.go(BY_SCORE + "&where=metrics.score%20%3E%200.499")
    counted(runs, "5 runs")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").first.click()
    assert waiting.value.suggested_filename == "runs.csv"
    lines = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    assert [one["name"] for one in lines] == [f"run {n}" for n in (2999, 2998, 2997, 2996, 2995)]
    assert [float(one["metrics.score"]) for one in lines] == [n / 6000 for n in (2999, 2998, 2997, 2996, 2995)]
    assert lines[0]["status"] == "finished"


def test_thousands_scroll_to_the_end(runs):
    page = runs.go("runs")
    first(runs, "search 2")
    page.locator("#grid").hover()
    page.mouse.wheel(0, 40_000)
    runs.until("[...document.querySelectorAll('.run-link')].some((one) => /^run 11\\d\\d$/.test(one.textContent))")
    page.locator("#grid").focus()
    page.keyboard.press("End")
    expect(page.locator(f"#row-{COUNT + 2} .run-link")).to_have_text("run 2999")
    assert page.locator(".grid-body .row").count() < 100
    page.keyboard.press("Home")
    first(runs, "search 2")


def test_the_address_holds_the_state_and_back_goes_back(runs):
    page = runs.go("runs")
    counted(runs, TOTAL)
    page.locator("#filter-kind").select_option("search")
    counted(runs, "3 runs")
    page.get_by_role("button", name="Run", exact=True).click()
    first(runs, "search 0", "search 1", "search 2")
    address = page.url
    page.locator("#row-1 .run-link").click()
    expect(page.locator("h1")).to_contain_text("search 1")
    page.go_back()
    first(runs, "search 0", "search 1", "search 2")
    assert page.url == address
    page.go_back()
    first(runs, "search 2", "search 1", "search 0")
    page.go_back()
    counted(runs, TOTAL)
    expect(page.locator("#filter-kind")).to_have_value("")
    page.go_forward()
    counted(runs, "3 runs")


def test_no_mouse_is_needed(runs):
    page = runs.go("runs")
    counted(runs, TOTAL)
    page.keyboard.press("/")
    page.keyboard.type("search")
    counted(runs, "3 runs")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#row-0")).to_have_class(re.compile("active"))
    expect(page.locator("#grid")).to_have_attribute("aria-activedescendant", "row-0")
    page.keyboard.press("ArrowRight")
    first(runs, "search 2", "candidate 2.1", "candidate 2.0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#selected-count")).to_have_text("2 selected")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#row-0")).to_have_class(re.compile("active"))
    page.keyboard.press("Escape")
    expect(page.locator("#actions")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Finding your way")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#grid").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("search 2")


def test_on_a_phone_the_order_is_chosen_from_a_list(crowd, open_tab):
    tab = open_tab(crowd, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    tab.go("runs?column=metrics.score")
    first(tab, "search 2")
    tab.page.locator("#order").select_option("score ↓")
    first(tab, "search 1", "search 0", "run 2999")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_new_is_announced_and_comes_when_it_is_asked_for(mine, own):
    page = mine.go("runs")
    before = page.locator("#count").inner_text()
    made(own.folder, "just made", "blobs")
    journal_of(own.folder).close()
    page.get_by_role("button", name="1 new run").click()
    first(mine, "just made")
    assert page.locator("#count").inner_text() != before


def test_runs_go_to_the_trash(mine, own):
    page = mine.go("runs?experiment=short-lived")
    page.get_by_label(re.compile("^Select doomed")).check()
    page.locator("#to-trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Move to trash").click()
    expect(page.locator("#toasts")).to_contain_text("1 run is in the trash.")
    expect(page.locator("#grid-empty")).to_contain_text("No")
    page.goto(mine.home + "trash")
    expect(page.get_by_role("link", name="doomed")).to_be_visible()
