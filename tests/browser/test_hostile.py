"""A run, a search and a model whose every field is an attack: each is shown as text, and none does anything."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.filling import ATTACK
from tests.browser.watching import STOPPED, Tab, frames_attacked

# What is left of the attack on every page: signs that act on the text itself are shown as pictures or left out.
PLAIN = "<script>window.attacked=1</script><img src=x onerror=window.attacked=1>"
PLACES = {
    "home": "",
    "runs": "runs",
    "sorted by it": "runs?sort=metrics.training_accuracy_score",
    "the run": "runs/{hostile}",
    "the search": "runs/{hostile_search}",
    "compared": "compare?run={hostile}&run={one}",
    "searches compared": "compare?run={hostile_search}&run={hostile}",
    "models": "models",
    "the model": "model?name=%3Cimg+src%3Dx+onerror%3Dwindow.attacked%3D1%3E+%7B%7B98765*4321%7D%7D",
}


def harmless(tab: Tab) -> None:
    """Nothing has run, nothing has become an element, no template was filled in."""
    page = tab.page
    assert frames_attacked(page) == []
    own = "script:not([src]):not([type='application/json']), [src='x'], [autofocus], [onerror], [onload], [onfocus], b"
    assert page.locator(own).count() == 0
    assert page.locator("script[src]:not([src*='static/'])").count() == 0
    text = page.locator("main").inner_text()
    assert str(98765 * 4321) not in text
    assert "\x01" not in text
    assert "\x1b" not in text
    assert page.locator("a[href^='javascript:' i]").count() == 0


@pytest.mark.parametrize("which", PLACES)
def test_it_is_only_text(tab, shelf, which):
    page = tab.go(PLACES[which].format(**vars(shelf)))
    expect(page.locator("h1")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for figure in page.locator("figure .chart").all()[:12]:
        figure.scroll_into_view_if_needed()
        box = figure.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # for its tooltip
    for more in page.locator("[data-more]").all()[:12]:
        more.click()
    harmless(tab)
    if which != "models":
        assert PLAIN in page.locator("main").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_what_is_long_is_unfolded(tab, shelf):
    page = tab.go(f"runs/{shelf.hostile}")
    line = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="long", exact=True)).first
    assert len(line.inner_text()) < 1000
    line.get_by_role("button", name="show all").click()
    expect(line.get_by_role("button", name="show less")).to_be_visible()
    assert len(line.inner_text()) > 3_000
    harmless(tab)


def test_its_files_are_shown(tab, shelf):
    tab.expect(STOPPED)
    page = tab.go(f"runs/{shelf.hostile}")
    links = page.locator("#files a.file:is([data-file*=attacked], [data-file*=drawing], [data-file*='98765*4321'])")
    assert links.count() == 4
    for link in links.all():
        link.click()
    expect(page.locator("#files iframe")).to_have_count(2)
    expect(page.locator("#files .viewer pre")).to_contain_text(PLAIN)
    assert frames_attacked(page) == []


def test_the_table_of_runs_with_everything_in_columns(tab):
    page = tab.go("runs")
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    for preset in ("All metrics", "Parameters", "What varies"):
        dialog.get_by_role("button", name=preset).click()
    dialog.get_by_label("Find a key").fill("attacked")
    for box in dialog.get_by_role("checkbox").all():
        if not box.is_checked():
            box.check()
    harmless(tab)
    dialog.get_by_role("button", name="Done").click()
    page.locator("#query").press_sequentially("attacked", delay=1)
    expect(page.locator("#suggestions li").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    harmless(tab)


def test_a_question_that_is_an_attack(tab):
    tab.expect("status of 400")
    page = tab.go("runs")
    page.locator("#query").fill(ATTACK)
    page.keyboard.press("Enter")
    expect(page.locator("#query")).to_have_attribute("aria-invalid", "true")
    page.reload()
    expect(page.locator("#grid-empty")).to_contain_text("Mend the search")
    harmless(tab)
