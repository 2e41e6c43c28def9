"""What every test has: a strict guard, and no store but its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from skribe import guard

# There is a test process for each core. More threads of OpenMP and OpenBLAS would wait for a core, and wait busily.
# Both libraries look here once, when numpy and scikit-learn are imported, which is after this.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# The key that seals models is the test run's own.
_state = tempfile.mkdtemp(prefix="skribe-tests-")
os.environ["XDG_STATE_HOME"] = _state


def pytest_unconfigure() -> None:
    """The last thing in each test process: the folder of its key goes."""
    shutil.rmtree(_state, ignore_errors=True)


@pytest.fixture(autouse=True)
def strict_guard() -> Iterator[list[tuple[str, Exception]]]:
    """Whatever skribe swallows in a test fails it. A test that expects something swallowed clears the list."""
    swallowed: list[tuple[str, Exception]] = []
    observer = guard.observers.append
    observer(lambda what, error: swallowed.append((what, error)))
    mine = guard.observers[-1]
    guard._said.clear()
    yield swallowed
    guard.observers.remove(mine)
    for _what, error in swallowed:
        raise error


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in an empty folder of its own, and finds no store but the one that it makes there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKRIBE_STORE", str(tmp_path / "skribe_runs"))
    return tmp_path
