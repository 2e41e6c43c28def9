"""Every page: it is there, says what the store says, and is fit for eyes, screen readers, the dark and a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

PAGES = {
    "home": "",
    "runs": "runs",
    "nothing found": "runs?where=name==%22nothing%22",
    "fit": "runs/{one}",
    "regression": "runs/{regression}",
    "clusters": "runs/{clusters}",
    "failed": "runs/{failed}",
    "by hand": "runs/{by_hand}",
    "grid": "runs/{grid}",
    "halving": "runs/{halving}",
    "cross-validation": "runs/{cv[0]}",
    "hostile": "runs/{hostile}",
    "hostile search": "runs/{hostile_search}",
    "compare folds": "compare?run={cv[0]}&run={cv[1]}&run={one}",
    "compare nothing": "compare",
    "models": "models",
    "model": "model?name=churn",
    "trash": "trash",
}


def unfold(page):
    """Open what can be unfolded, so that it is looked at, too."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


# One of each kind goes to the checker; in the others only the pictures differ, which it cannot see.
CHECKED = {"home", "runs", "nothing found", "fit", "failed", "by hand", "grid", "cross-validation", "hostile"}
CHECKED |= {"compare folds", "compare nothing", "models", "model", "trash"}


@pytest.mark.parametrize("which", PAGES)
def test_a_page(tab, shelf, which):
    page = tab.go(PAGES[which].format(**vars(shelf)))
    expect(page.locator("h1")).to_be_visible()
    unfold(page)
    tab.theme("light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.theme("dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.set_viewport_size({"width": 390, "height": 780})
    tab.until("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 800})
    if which in CHECKED:
        assert tab.violations() == []
        tab.theme("light")
        assert tab.violations("color-contrast") == []
