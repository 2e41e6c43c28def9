"""The page of a run: its parameters, pictures, model, files, tags, and what happens to it meanwhile."""

from __future__ import annotations

import re
import sqlite3
import time

from playwright.sync_api import expect

from skribe.records import Changes, End, Metric, Start, new_id
from skribe.session import journal_of
from skribe.store.location import database_of
from tests.browser.watching import STOPPED, frames_attacked


def test_what_is_no_default_comes_first(tab, shelf):
    page = tab.go(f"runs/{shelf.one}")
    params = page.get_by_role("table", name="Parameters that are no defaults").get_by_role("rowheader")
    assert "logisticregression__C" in params.all_inner_texts()
    assert "logisticregression__tol" not in params.all_inner_texts()
    expect(page.get_by_role("rowheader", name="logisticregression__tol")).to_be_hidden()
    page.get_by_text(re.compile("all with their defaults")).click()
    expect(page.get_by_role("rowheader", name="logisticregression__tol")).to_be_visible()
    expect(page.locator(".metrics")).to_contain_text(["training_accuracy_score"])
    expect(page.locator("#datasets")).to_contain_text("120 rows × 5 columns")


def test_the_line_that_loads_the_model_is_copied(site, shelf, open_tab):
    tab = open_tab(site, permissions=["clipboard-read", "clipboard-write"])
    page = tab.go(f"runs/{shelf.one}")
    page.locator("#model").get_by_role("button", name="Copy how to load it").click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#load-0").inner_text()
    assert shelf.one in copied
    assert "load_model" in copied


def test_pictures_are_drawn_in_both_themes(tab, shelf):
    page = tab.go(f"runs/{shelf.one}")
    figures = page.locator("[data-pictures] figure")
    expect(figures.first).to_be_visible()
    assert {"Confusion matrix", "ROC curve"} <= set(figures.locator("h3").all_inner_texts())
    for n in range(figures.count()):
        tab.drawn(figures.nth(n))
    canvas = page.get_by_role("figure", name="ROC curve").locator("canvas").first
    picture = "(canvas) => canvas.toDataURL()"
    light = canvas.evaluate(picture)
    tab.theme("dark")
    tab.until(f"([canvas, light]) => ({picture})(canvas) !== light", [canvas.element_handle(), light])
    tab.drawn(canvas)


def test_pictures_of_other_data(tab, shelf):
    page = tab.go(f"runs/{shelf.one}")
    switch = page.get_by_role("group", name="Which data")
    matrix = page.get_by_role("figure", name="Confusion matrix")

    def rows() -> int:
        matrix.get_by_text("Numbers", exact=True).click()
        cells = matrix.locator("tbody td.num").all_inner_texts()
        return sum(int(cell) for cell in cells if cell.isdigit())

    expect(switch.get_by_role("button", pressed=True)).to_have_text("X_test")
    assert rows() == 40
    switch.get_by_role("button", name="training").click()
    expect(switch.get_by_role("button", pressed=True)).to_have_text("training")
    assert rows() == 120


def test_curves_are_drawn(tab, shelf):
    page = tab.go(f"runs/{shelf.by_hand}")
    tab.drawn(page.locator("[data-curves] canvas").first)
    tab.drawn(page.locator("canvas[data-spark]"))


def test_files_are_shown_and_nothing_in_them_runs(tab, shelf):
    tab.expect(STOPPED)
    page = tab.go(f"runs/{shelf.by_hand}")
    files = page.locator("#files")
    files.get_by_role("link", name="notes.txt", exact=True).click()
    expect(files.get_by_label("notes.txt", exact=True).locator("code")).to_have_text("First line\nsecond, Grüße\n")
    files.get_by_role("link", name="report.html", exact=True).click()
    report = page.frame_locator("iframe[title='report.html']")
    expect(report.get_by_role("heading", name="Report of mine")).to_be_visible()
    files.get_by_role("link", name="deep/drawing.svg", exact=True).click()
    expect(page.locator("iframe[title='deep/drawing.svg']")).to_be_visible()
    page.frame_locator("iframe[title='deep/drawing.svg']").locator("circle").wait_for()
    assert len(page.frames) == 3
    assert frames_attacked(page) == []
    # Opened by itself it is as harmless.
    tab.go(f"runs/{shelf.by_hand}/files/report.html")
    expect(page.get_by_role("heading", name="Report of mine")).to_be_visible()
    assert frames_attacked(page) == []


def test_a_failed_run_tells_its_error(tab, shelf):
    page = tab.go(f"runs/{shelf.failed}")
    expect(page.locator(".status").first).to_have_text("failed")
    expect(page.locator(".error")).to_contain_text("'C' parameter of LogisticRegression")
    expect(page.locator("#traceback-text")).to_be_hidden()
    page.get_by_text("Traceback", exact=True).click()
    expect(page.locator("#traceback-text")).to_contain_text("Traceback (most recent call last)")


def test_tags_are_set_and_taken_away(mine, own):
    page = mine.go(f"runs/{own.by_hand}")
    tags = page.locator("#tags")
    expect(tags.locator(".tag")).to_have_text(re.compile("team.*blue"))
    tags.get_by_label("Name of the tag").fill("<b>owner</b>")
    tags.get_by_label("Value of the tag").fill("Ada & Co")
    page.keyboard.press("Enter")
    expect(tags.locator(".tag")).to_have_count(2)
    expect(tags).to_contain_text("<b>owner</b> Ada & Co")
    expect(tags.get_by_label("Name of the tag")).to_be_focused()
    tags.get_by_role("button", name="Remove the tag team").click()
    expect(tags.locator(".tag")).to_have_count(1)


def test_a_run_is_deleted_and_restored(mine, own):
    page = mine.go(f"runs/{own.by_hand}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("In the trash", exact=True)).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("In the trash", exact=True)).to_be_hidden()


def test_a_model_is_registered_from_its_run(mine, own):
    page = mine.go(f"runs/{own.clusters}")
    page.get_by_role("button", name=re.compile("Register as a version")).click()
    mine.expect("status of 400")
    page.get_by_label("Name of the model").fill("groups/1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("groups/1")
    expect(page.get_by_label("Name of the model")).to_have_value("groups/1")
    page.get_by_label("Name of the model").fill("groups")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="groups v1").click()
    expect(page.locator("h1")).to_have_text("groups")


def test_a_run_that_vanishes_while_it_is_looked_at(mine, own):
    journal, run = journal_of(own.folder), new_id()
    journal.write(Changes(run=run, start=Start("blobs", "going", "manual", time.time()), metrics=(Metric("a", 1.0),)))
    mine.expect("status of 404")
    page = mine.go(f"runs/{run}")
    expect(page.locator(".status").first).to_have_text("running")
    with sqlite3.connect(database_of(own.folder)) as connection:
        connection.execute("DELETE FROM run WHERE id = ?", (run,))
    connection.close()
    journal.write(Changes(run=own.by_hand, tags={"something": "new"}))
    expect(page.get_by_text("This run is no longer there.")).to_be_visible()
    expect(page.locator("h1")).to_have_text("going")
    page.locator("#gone").get_by_role("link", name="All runs").click()
    expect(page.locator("#count")).to_contain_text("runs")
    journal.close()


def test_a_run_is_followed_until_it_ends(mine, own):
    journal, run = journal_of(own.folder), new_id()
    now = time.time()
    journal.write(Changes(run=run, start=Start("blobs", "going", "manual", now), metrics=(Metric("loss", 0.75, 0),)))
    page = mine.go(f"runs/{run}")
    expect(page.locator(".status").first).to_have_text("running")
    journal.write(Changes(run=run, metrics=(Metric("loss", 0.125, 1),), end=End("finished", now + 3, 3.0, 1.0)))
    expect(page.locator(".status").first).to_have_text("finished")
    expect(page.locator(".metrics")).to_contain_text("0.125")
    journal.close()
