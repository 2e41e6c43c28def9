"""What the tests of the terminal share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.book import Book


@pytest.fixture
def book(own_folder: Path) -> Book:
    """A store that is still empty."""
    return Book(own_folder / "skribe_runs")


@pytest.fixture(autouse=True)
def no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell says of its terminal is not said to the tests."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
