"""Runs beside each other."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def rows(page):
    return page.locator(".compare-table tbody tr:not(.section-row) > th").all_inner_texts()


def test_only_what_differs_is_shown_until_all_is_wanted(tab, shelf):
    page = tab.go(f"compare?run={shelf.one}&run={shelf.other}")
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    shown = rows(page)
    assert "logisticregression__C" in shown
    assert "logisticregression__max_iter" not in shown
    expect(page.locator("[data-said]")).to_contain_text("are the same in all runs")
    line = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="logisticregression__C", exact=True))
    expect(line.locator("td")).to_have_text(["0.03", "5.0"])
    page.get_by_label("Show what is the same").check()
    assert "logisticregression__max_iter" in rows(page)
    assert len(rows(page)) > len(shown)
    expect(page.locator(".same-data")).to_be_visible()
    expect(page.locator(".banner-warn")).to_have_count(0)


def test_different_data_is_warned_of(tab, shelf):
    page = tab.go(f"compare?run={shelf.one}&run={shelf.regression}")
    expect(page.locator(".banner-warn")).to_contain_text("Different data")


def test_a_baseline_columns_that_move_and_go(tab, shelf):
    page = tab.go(f"compare?run={shelf.one}&run={shelf.other}&run={shelf.regression}")
    heads = page.locator(".compare-table thead .compare-id")
    expect(heads).to_have_text([shelf.one[-8:], shelf.other[-8:], shelf.regression[-8:]])
    page.get_by_role("button", name="baseline").first.click()
    expect(page.locator(".delta").first).to_have_text(re.compile("[+−=]"))
    page.get_by_role("button", name="Move to the right").first.focus()
    page.keyboard.press("Enter")
    expect(heads).to_have_text([shelf.other[-8:], shelf.one[-8:], shelf.regression[-8:]])
    page.get_by_role("button", name="Remove").last.click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    page.get_by_label(re.compile("Id of a run")).fill(shelf.clusters[-8:])
    page.keyboard.press("Enter")
    expect(heads).to_have_text([shelf.other[-8:], shelf.one[-8:], shelf.clusters[-8:]])


def test_pictures_lie_over_each_other(tab, shelf):
    page = tab.go(f"compare?run={shelf.one}&run={shelf.other}")
    figures = page.locator("[data-pictures] figure")
    expect(figures.first).to_be_visible()
    for n in range(figures.count()):
        tab.drawn(figures.nth(n))
    titles = figures.locator("h3").all_inner_texts()
    assert "Confusion matrix · difference" in titles
    roc = page.get_by_role("figure", name="ROC curve")
    roc.get_by_text("Numbers", exact=True).click()
    text = roc.locator(".numbers-table").inner_text()
    assert shelf.one[-8:] in text
    assert shelf.other[-8:] in text


def test_runs_on_the_same_folds_are_tested_in_plain_words(tab, shelf):
    page = tab.go(f"compare?run={shelf.cv[0]}&run={shelf.cv[1]}")
    card = page.locator(".paired")
    expect(card.locator(".paired-said")).to_contain_text(re.compile("fold"))
    expect(card).to_contain_text("95 % interval")
    tab.drawn(card.locator("figure"))


def test_a_run_is_compared_with_another(tab, shelf):
    page = tab.go(f"runs/{shelf.one}")
    page.get_by_role("link", name="Compare with …").click()
    expect(page.locator("#selected-count")).to_have_text("1 selected: choose another to compare")
    page.get_by_role("checkbox", name=re.compile(shelf.other[-8:])).click()
    page.get_by_role("link", name="Compare", exact=True).click()
    heads = page.locator(".compare-table thead .compare-id")
    expect(heads).to_have_text([shelf.one[-8:], shelf.other[-8:]])


def test_a_candidate_is_compared_with_the_best(tab, shelf):
    page = tab.go(f"runs/{shelf.grid}")
    card = page.locator("[data-candidate]")
    expect(card.get_by_role("link", name="Compare with the best")).to_have_count(0)
    page.locator(".candidates tbody tr[data-row]").nth(3).click()
    card.get_by_role("link", name="Compare with the best").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()


def test_a_wrong_id_is_said_beside_the_field_and_what_is_compared_stays(tab, shelf):
    tab.expect("status of 404")
    page = tab.go(f"compare?run={shelf.one}&run={shelf.other}")
    field = page.get_by_label(re.compile("Id of a run"))
    said = page.locator(".compare-add [role=alert]")
    for wrong, told in (("00000000", "00000000"), (shelf.one[-8:], "here already")):
        field.fill(wrong)
        page.keyboard.press("Enter")
        expect(said).to_contain_text(told)
        expect(field).to_have_value(wrong)
    expect(page.locator(".compare-table")).to_be_visible()
    assert tab.violations() == []
    field.fill(shelf.clusters[-8:])
    expect(said).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()


def test_a_run_that_is_not_there_is_said(tab, shelf):
    tab.expect("status of 404")
    page = tab.go(f"compare?run={shelf.one}&run=00000000")
    expect(page.locator(".empty")).to_contain_text("00000000")
    expect(page.locator("[data-given] li")).to_have_text(
        [re.compile(shelf.one[-8:]), re.compile("no such run: 00000000")]
    )
    page.get_by_label(re.compile("Id of a run")).fill(shelf.other)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
