"""Experiments, models and the trash: what they show, and what is changed on them."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from skribe.store.registry import Registry
from tests.browser.filling import ATTACK, made
from tests.browser.serving import Command, in_thread
from tests.browser.watching import Tab


def agree(tab: Tab, action: str = "Move to trash") -> None:
    tab.page.get_by_role("dialog").get_by_role("button", name=action).click()


def said(tab: Tab, text: str | re.Pattern[str]) -> None:
    expect(tab.page.locator("#toasts")).to_contain_text(text)


# -- experiments


def test_home_shows_experiments_and_the_newest_runs(tab, shelf):
    page = tab.go()
    line = page.get_by_role("row").filter(has=page.get_by_role("link", name="blobs", exact=True)).first
    expect(line.locator(".num")).to_have_text("10")
    newest = page.get_by_role("region", name="Newest runs")
    expect(newest.get_by_role("row").nth(1)).to_contain_text("doomed")
    newest.get_by_role("link", name="by hand").click()
    expect(page.locator("h1")).to_have_text("by hand")
    assert tab.page.url.endswith(shelf.by_hand)


def test_an_experiment_is_renamed_and_thrown_away(mine):
    page = mine.go()
    page.get_by_role("button", name="Rename short-lived").click()
    dialog = page.get_by_role("dialog", name="Rename the experiment")
    dialog.get_by_label("New name").fill("now <b>bold</b>")
    page.keyboard.press("Enter")
    said(mine, "now <b>bold</b>")
    page.get_by_role("button", name="Move now <b>bold</b> to the trash").click()
    assert mine.violations() == []
    agree(mine)
    expect(page.get_by_role("link", name="now <b>bold</b>")).to_have_count(0)


def test_home_follows_what_comes(mine, own):
    page = mine.go()
    page.mouse.move(5, 5)
    made(own.folder, "just made", "a new experiment")
    expect(page.get_by_role("link", name="just made")).to_be_visible()
    expect(page.get_by_role("link", name="a new experiment").first).to_be_visible()


def test_a_store_that_is_not_there_says_what_to_do(open_tab, tmp_path):
    with in_thread(tmp_path / "nothing") as url:
        tab = open_tab(url)
        page = tab.go()
        expect(page.get_by_role("heading", name="Nothing is written down here yet")).to_be_visible()
        assert tab.violations() == []
        tab.go("runs")
        expect(page.locator("#grid-empty")).to_contain_text("skribe.autolog()")
        tab.go("models")
        expect(page.get_by_role("heading", name="No model is registered yet")).to_be_visible()
        tab.go("trash")
        expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(tab):
    tab.expect("status of 404")
    page = tab.go("runs/nonsense")
    expect(page.locator(".error-code")).to_have_text("404")
    assert tab.violations() == []
    page.get_by_role("link", name="All runs").click()
    expect(page.locator("#count")).to_contain_text("runs")


# -- models


def test_models_show_versions_and_aliases(tab, shelf):
    page = tab.go("models")
    line = page.get_by_role("row").filter(has=page.get_by_role("link", name="churn", exact=True))
    expect(line).to_contain_text("v2")
    expect(line).to_contain_text("@champion v1")
    line.get_by_role("link").click()
    expect(page.locator(".versions tbody tr")).to_have_count(2)
    expect(page.locator("#load-alias-1")).to_have_text('skribe.load_model("models:/churn@champion")')
    page.locator(".versions").get_by_role("link", name="Pipeline").first.click()
    expect(page.locator("#run-id")).to_have_text(shelf.other[-8:])


def test_an_alias_is_moved_with_the_keyboard(mine, own):
    page = mine.go("model?name=churn")
    page.get_by_role("combobox", name="Alias").focus()
    page.keyboard.type("champion")
    expect(page.locator("#alias-set")).to_have_text("Move from 1")
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said(mine, re.compile("champion.*2"))
    expect(page.locator(".versions tbody tr").first).to_contain_text("@champion")
    registry = Registry(own.folder)
    registry.set_alias("churn", "other", 1)
    page.reload()
    expect(page.locator(".chip", has_text="@champion").first).to_contain_text("version 2")
    page.get_by_role("button", name="Remove the alias other").click()
    expect(page.get_by_role("button", name="Remove the alias other")).to_have_count(0)


def test_a_model_is_described_and_tagged(mine):
    page = mine.go("model?name=churn")
    page.locator("[data-describe='']").click()
    page.get_by_role("textbox", name="Description", exact=True).fill(ATTACK + "\nand a line")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#description")).to_contain_text("and a line")
    assert ATTACK.split("\u202e")[0] in page.locator("#description").text_content()
    page.get_by_role("button", name="Describe version 2").click()
    page.get_by_label("Description of version 2").fill("better")
    page.locator(".versions").get_by_role("button", name="Save").click()
    expect(page.locator("#description-2")).to_have_text("better")
    page.get_by_label("Tag", exact=True).fill("team")
    page.get_by_label("Value").fill("blue")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove the tag team")).to_be_visible()
    page.get_by_role("button", name="Remove the tag owner").click()
    expect(page.get_by_role("button", name="Remove the tag owner")).to_have_count(0)
    page.get_by_label("Stage of version 2").select_option("Production")
    said(mine, "Production")


def test_versions_and_models_are_deleted_and_restored(mine):
    page = mine.go("model?name=churn")
    page.get_by_role("button", name="Move version 1 to the trash").click()
    expect(page.get_by_role("dialog")).to_contain_text("@champion")
    agree(mine)
    expect(page.locator(".versions tbody tr")).to_have_count(1)
    page.locator("[data-restore-version='1']").click()
    expect(page.locator(".versions tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Move to trash").click()
    agree(mine)
    expect(page).to_have_url(mine.home + "models")
    expect(page.get_by_role("link", name="churn", exact=True)).to_have_count(0)
    mine.go("trash")
    page.get_by_role("button", name="Restore churn", exact=True).click()
    said(mine, "churn")
    mine.go("models")
    expect(page.get_by_role("link", name="churn", exact=True)).to_be_visible()


# -- the trash


def test_what_is_in_the_trash_comes_back(mine):
    page = mine.go("trash")
    left = page.locator("[data-restore]")
    expect(left).to_have_count(4)
    expect(page.get_by_role("row").filter(has=page.get_by_role("link", name="inside"))).to_contain_text("experiment")
    for n, what in enumerate(("old experiment", "thrown away", "old model", "churn version 3")):
        button = page.get_by_role("button", name=f"Restore {what}", exact=True)
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_count(0)
        expect(left).to_have_count(3 - n)
        expect(page.get_by_role("link", name="inside")).to_have_count(0)  # it has come back with its experiment
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert mine.go("runs?experiment=old%20experiment").locator(".run-link").all_inner_texts() == ["inside"]


# -- what may not be changed, and a server that goes


def test_a_page_for_reading_only_changes_nothing(shelf, open_tab):
    with in_thread(shelf.folder, readonly=True) as url:
        tab = open_tab(url)
        page = tab.go()
        expect(page.locator(".mark", has_text="read-only")).to_be_visible()
        places = ["", "runs", f"runs/{shelf.by_hand}", "model?name=churn", "trash"]
        changing = """[data-rename], [data-trash], [data-delete], [data-tag-form], [data-untag], [data-register],
            [data-restore], [data-tag], [data-describe], [data-stage], #to-trash, #alias-form, #trash-model, #rename"""
        for place in places:
            tab.go(place)
            expect(page.locator("h1")).to_be_visible()
            assert page.locator(changing).count() == 0, place
        change = "skribe.act({do: 'restore_model', name: 'old model'})"
        told = page.evaluate(f"{change}.catch((problem) => problem.message)")
        assert "read-only" in told
        tab.expect("status of 403")
        asked = """() => fetch("api/do", {method: "POST", body: JSON.stringify({do: "delete_model", name: "churn"}),
            headers: {"Content-Type": "application/json", "X-Skribe": "1"}}).then((answer) => answer.status)"""
        assert page.evaluate(asked) == 403


def test_a_server_that_goes_and_comes_back(own, open_tab):
    command = Command(own.folder)
    try:
        tab = open_tab(command.url)
        tab.expect("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
        tab.page.clock.install()
        page = tab.go("runs")
        first = page.locator("#row-0 .run-link")
        expect(first).to_be_visible()
        command.kill()
        mark = page.locator("#offline")
        for _ in range(2):
            page.clock.fast_forward(5_000)
            page.wait_for_timeout(50)
        expect(mark).to_be_visible()
        page.get_by_role("button", name="Run", exact=True).click()
        said(tab, "does not answer")
        expect(first).to_be_visible()
        command = Command(own.folder, command.port)
        made(own.folder, "just made", "blobs")
        page.clock.fast_forward(20_000)
        expect(mark).to_be_hidden()
        expect(page.get_by_role("button", name="1 new run")).to_be_visible()
    finally:
        command.kill()
