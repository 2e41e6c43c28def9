"""One browser and one store for the tests that look, and copies of the store for those that change something."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.filling import Shelf, fill
from tests.browser.serving import Command, in_thread
from tests.browser.watching import Tab

# The first is Chromium without its own windows and menus, which take half of the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE = 15_000  # milliseconds; two slow cores have much else to do
Open = Callable[..., Tab]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No version of scikit-learn can break what is tested here, and without a browser nothing can be."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.newest_only)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium; Debian has chromium-headless-shell"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Of the package and no longer: while it is there, nothing else in this thread can have an event loop.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="package")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The store that nobody changes."""
    return fill(tmp_path_factory.mktemp("browser") / "skribe_runs")


@pytest.fixture(scope="package")
def site(shelf: Shelf) -> Iterator[str]:
    """The address of the page of that store, served by the command."""
    command = Command(shelf.folder)
    yield command.url
    command.kill()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Open]:
    """A tab of a fresh browser at an address. At the end all its complaints fail the test."""
    opened: list[Tab] = []

    def open_(home: str, **options: object) -> Tab:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce"}
        context = browser.new_context(**{**settings, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        opened.append(Tab(context, home))
        return opened[-1]

    yield open_
    left = [one for tab in opened for one in tab.left()]
    for tab in opened:
        tab.page.context.close()
    assert left == []


@pytest.fixture
def tab(open_tab: Open, site: str) -> Tab:
    """A tab at the page of the store that nobody changes."""
    return open_tab(site)


@pytest.fixture
def own(shelf: Shelf, tmp_path: Path) -> Shelf:
    """A copy of the store, to be changed."""
    folder = tmp_path / "own"
    shutil.copytree(shelf.folder, folder)
    return dataclasses.replace(shelf, folder=folder)


@pytest.fixture
def mine(own: Shelf, open_tab: Open) -> Iterator[Tab]:
    """A tab at the page of that copy."""
    with in_thread(own.folder) as url:
        yield open_tab(url)
