"""The page of a search: brushed by mouse and by keyboard, its best child, its pictures; and while it runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.serving import in_thread
from tests.browser.watching import Tab

SLOW = """
    import os, sys, time
    import numpy as np
    import skribe
    from sklearn.base import BaseEstimator
    from sklearn.model_selection import GridSearchCV, KFold

    class Slow(BaseEstimator):
        def __init__(self, width=1):
            self.width = width

        def fit(self, X, y=None):
            time.sleep(0.12 if not os.path.exists(sys.argv[1]) else 0)
            return self

        def score(self, X, y=None):
            return self.width / 100 + X.mean() / 1000

    skribe.autolog(silent=True, experiment="slow")
    GridSearchCV(Slow(), {"width": list(range(60))}, cv=KFold(3), refit=False, n_jobs=1).fit(np.arange(30.0)[:, None])
"""


DONE = """() => {
  const said = document.querySelector("[data-progress]").innerText.match(/(\\d+)( of 180)? fits/);
  return said ? Number(said[1]) : 0;
}"""


def left(tab: Tab) -> Locator:
    return tab.page.locator("[data-brushed] strong")


def brush(tab: Tab, axis: int, low: float, high: float) -> None:
    """Drag along an axis of the parallel coordinates, from one place (0: the foot) to another."""
    axes = tab.page.locator(".parallel-axes")
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    count = tab.page.evaluate("skribe.data().search.params.filter((one) => one.varies).length + 2")
    x = box["x"] + 56 + axis * (box["width"] - 112) / (count - 1)
    y = [box["y"] + box["height"] - 18 - place * (box["height"] - 64) for place in (low, high)]
    tab.page.mouse.move(x, y[0])
    tab.page.mouse.down()
    tab.page.mouse.move(x, (y[0] + y[1]) / 2)
    tab.page.mouse.move(x, y[1])
    tab.page.mouse.up()


def test_candidates_are_brushed_with_the_mouse(tab, shelf):
    page = tab.go(f"runs/{shelf.grid}")
    tab.drawn(page.locator(".parallel-layer").first)
    rows = page.locator(".candidates tbody tr[data-row]")
    expect(rows).to_have_count(20)
    brush(tab, 4, 0.6, 1.0)  # the score
    expect(left(tab)).to_have_text(re.compile(r"^\d+ of 20$"))
    count = int(left(tab).inner_text().split()[0])
    assert 0 < count < 20
    expect(rows).to_have_count(count)
    scores = page.evaluate("skribe.data().search.scorers[0].mean")
    seen = rows.evaluate_all("(rows) => rows.map((row) => Number(row.dataset.row))")
    assert {scores[n] for n in seen} == set(sorted(scores)[-count:])
    page.keyboard.press("Escape")
    expect(rows).to_have_count(20)


def test_candidates_are_brushed_with_the_keyboard(tab, shelf):
    page = tab.go(f"runs/{shelf.grid}")
    rows = page.locator(".candidates tbody tr[data-row]")
    expect(rows).to_have_count(20)
    page.get_by_label("Only criterion").focus()
    page.keyboard.type("gini")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(10)
    page.get_by_label("min_samples_leaf, at least").focus()
    page.keyboard.type("2")
    page.keyboard.press("Tab")
    expect(rows).to_have_count(5)
    expect(left(tab)).to_have_text("5 of 20")
    page.keyboard.press("Escape")
    expect(rows).to_have_count(20)


def test_the_best_child_is_one_click_away(tab, shelf):
    page = tab.go(f"runs/{shelf.grid}")
    best = page.evaluate("skribe.data().run.best.id")
    card = page.locator("[data-candidate]")
    expect(card).to_contain_text("Best candidate")
    page.locator(".candidates tbody tr[data-row]").nth(7).click()
    expect(card).to_contain_text("Candidate #")
    card.get_by_role("button", name="Back to the best").click()
    expect(card).to_contain_text("Best candidate")
    page.get_by_role("link", name="Best child").click()
    expect(page.locator("#run-id")).to_have_text(best[-8:])
    expect(page.locator(".crumbs")).to_contain_text("GridSearchCV")


def test_pictures_of_a_search_are_drawn(tab, shelf):
    page = tab.go(f"runs/{shelf.grid}")
    figures = page.locator("[data-figures] figure")
    expect(figures.first).to_be_visible()
    titles = figures.locator("h3").all_inner_texts()
    assert {"Along one parameter", "Pairs of parameters", "Fold by fold", "Score against time", "How it went"} <= set(
        titles
    )
    for n in range(figures.count()):
        tab.drawn(figures.nth(n))
    pairs = page.get_by_role("figure", name="Pairs of parameters")
    pairs.get_by_text("Numbers", exact=True).click()
    assert pairs.locator("tbody tr").count() > 1


def test_a_halving_search_has_its_rungs(tab, shelf):
    page = tab.go(f"runs/{shelf.halving}")
    tab.drawn(page.get_by_role("figure", name="Iteration by iteration"))


def test_a_cross_validation_has_its_folds(tab, shelf):
    page = tab.go(f"runs/{shelf.cv[0]}")
    tab.drawn(page.get_by_role("figure", name="Score of each fold"))
    expect(page.locator(".candidates tbody tr[data-row]")).to_have_count(5)


# -- while it runs


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that searches slowly, until a file is there; and that file."""
    hurry = tmp_path / "hurry"
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SLOW), str(hurry)])
    yield process, hurry
    process.kill()
    process.wait()


def watch(tab: Tab) -> Page:
    """Wait at home until a search begins, and go there."""
    page = tab.go()
    page.mouse.move(5, 5)  # a list below the hand would not move
    page.get_by_role("link", name=re.compile("Watch the search")).click(timeout=60_000)
    return page


def test_a_search_is_watched_and_killed(open_tab, slow, tmp_path):
    process, _ = slow
    with in_thread(Path(os.environ["SKRIBE_STORE"])) as url:
        tab = open_tab(url)
        page = watch(tab)
        expect(page.locator("[data-progress]")).to_contain_text("of 180 fits done")
        expect(page.locator("[data-progress]")).to_contain_text("candidates so far")
        expect(page.locator("[data-progress]")).to_contain_text(re.compile("about .* left"))
        page.evaluate("window.notReloaded = true")
        before = page.evaluate(DONE)
        best = page.locator(".candidate-score strong")
        tab.until(f"({DONE})() > {before + 6}")
        expect(best).to_be_visible()
        assert page.evaluate("window.notReloaded") is True
        process.send_signal(signal.SIGKILL)
        process.wait()
        expect(page.locator(".status").first).to_have_text("killed")
        expect(page.get_by_text("The process ended before this run did.")).to_be_visible()
        expect(page.locator("#resume-code")).to_have_text("skribe.autolog(resume=True)")
        expect(page.locator("[data-progress]")).to_contain_text("of 180 fits done")
        rest = page.evaluate(DONE)
        assert before < rest < 180
        assert tab.violations() == []


def test_a_search_is_watched_to_its_end(open_tab, slow):
    process, hurry = slow
    with in_thread(Path(os.environ["SKRIBE_STORE"])) as url:
        tab = open_tab(url)
        page = watch(tab)
        expect(page.locator(".status").first).to_have_text("running")
        hurry.touch()
        process.wait(60)
        expect(page.locator(".status").first).to_have_text("finished")
        expect(page.locator("[data-progress]")).to_contain_text("180 fits")
        expect(page.locator(".candidate-card")).to_contain_text("Best candidate")
        expect(page.locator(".candidate-card dl")).to_contain_text("59")
