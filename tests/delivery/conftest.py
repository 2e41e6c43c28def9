from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skribe.records import Changes, End, Metric, Param, Start, new_id
from skribe.session import journal_of

HERE = Path(__file__).parent


class Place:
    """Where the backend for tests keeps what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def name(self) -> str:
        return f"filed:{self.folder}"

    def mode(self, mode: str) -> None:
        beside = self.folder / "mode.new"
        beside.write_text(mode)
        os.replace(beside, self.folder / "mode")

    @property
    def runs(self) -> dict:
        return {path.stem: json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))}

    @property
    def calls(self) -> list[list[str]]:
        path = self.folder / "calls"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder on the path with a package whose entry point is the backend `filed`."""
    folder = tmp_path / "plugins"
    info = folder / "filed-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: filed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[skribe.backends]\nfiled = filed_for_tests:Filed\n")
    shutil.copy(HERE / "filed.py", folder / "filed_for_tests.py")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop("filed_for_tests", None)


@pytest.fixture
def place(plugins, tmp_path):
    return Place(tmp_path / "place")


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "skribe_runs"
    monkeypatch.setenv("SKRIBE_STORE", str(folder))
    return folder


@pytest.fixture
def write(store, place):
    """Write a run to the store that is to be delivered, or a part of one; its id."""

    def write(
        name="a", *, run=None, parts=("start", "end"), parent=None, status="finished", wanted=(place.name,), **content
    ):
        run = run or new_id()
        now = time.time()
        journal = journal_of(store)
        if "start" in parts:
            start = Start("default", name, "fit", now, parent, "Ridge", "sklearn.linear_model.Ridge")
            params = (Param("alpha", "1.0", "float", True),)
            journal.write(Changes(run=run, start=start, params=params, wanted=wanted if parent is None else ()))
        if content:
            journal.write(Changes(run=run, **content))
        if "end" in parts:
            journal.write(Changes(run=run, metrics=(Metric("score", 0.5, None, now),), end=End(status, now, 0.1, 0.1)))
        return run

    return write


@pytest.fixture
def script(tmp_path, plugins, store):
    """Run a script in a process of its own that can use the backend."""

    def start(text: str, **more) -> subprocess.Popen:
        path = tmp_path / f"script_{time.monotonic_ns()}.py"
        path.write_text("import skribe\n" + text)
        environment = {**os.environ, "SKRIBE_STORE": str(store), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, str(path)], cwd=tmp_path, env={**environment, **more.pop("env", {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
        )  # fmt: skip

    return start


def until(condition, seconds=20.0):
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.02)
    return found
