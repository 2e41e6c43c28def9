"""The `skribe` command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import skribe

COMMAND = [str(Path(sys.executable).parent / "skribe")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def test_the_demo_trains_four_models_and_shows_what_was_written(own_folder):
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skribe: ") == 4
    for name in ("LogisticRegression", "RandomForestRegressor", "Pipeline", "GridSearchCV"):
        assert name in done.stdout
    assert f"The records are in {own_folder / 'skribe_runs'}" in done.stdout
    assert list(skribe.runs("demo")["kind"]) == ["search", "fit", "fit", "fit"]


def test_the_demo_writes_where_it_is_told(own_folder):
    assert run("demo", "--store", "elsewhere").returncode == 0
    assert len(skribe.runs(store="elsewhere")) == 4
    assert not (own_folder / "skribe_runs").exists()


def test_wrong_words_are_told_and_help_helps():
    assert run("demoo").returncode == 2
    assert "demo" in run("--help").stdout
    assert skribe.__version__ in run("--version").stdout
