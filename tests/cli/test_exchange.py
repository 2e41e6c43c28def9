"""`skribe export` and `skribe import`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import skribe
from skribe.cli import main
from skribe.cli.exchange import Progress

COMMAND = [str(Path(sys.executable).parent / "skribe")]


@pytest.fixture
def filled(own_folder: Path) -> Path:
    for number in range(3):
        with skribe.run(f"run {number}", experiment="even" if number % 2 == 0 else "odd") as run:
            run.log_metric("score", number / 2)
            run.log_text("hello", "a.txt")
    return own_folder / "skribe_runs"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_out_and_in_again(filled):
    done = invoke("export", "runs.zip")
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "Exported 3 runs with 3 files, 15 B to " in done.stderr
    done = invoke("import", "runs.zip", "--store", "other", "--dry-run")
    assert "Would import 3 new runs (3 files)" in done.stderr
    assert not Path("other").exists()
    assert "Imported 3 new runs (3 files)" in invoke("import", "runs.zip", "--store", "other").stderr
    done = invoke("import", "runs.zip", "--store", "other")
    assert "Imported 0 new runs; 3 were here already (0 files)" in done.stderr
    assert "The store is" in done.stderr
    assert len(skribe.runs(store="other")) == 3
    invoke("import", "runs.zip", "--store", "third", "--experiment", "from Ada")
    assert set(skribe.runs(store="third")["experiment"]) == {"from Ada"}


def test_what_is_chosen(filled):
    names = lambda: sorted(pd.read_csv("runs.csv")["name"])  # noqa: E731
    assert invoke("export", "--experiment", "even", "runs.csv").exit_code == 0
    assert names() == ["run 0", "run 2"]
    invoke("export", "--where", "metrics.score > 0.7", "runs.csv")
    assert names() == ["run 2"]
    ids = list(skribe.runs(store=filled)["run_id"])
    invoke("export", "--run", ids[0][-8:], "--run", ids[1], "runs.csv", "--no-children")
    assert names() == ["run 1", "run 2"]
    invoke("export", "--run", "last", "runs.csv")
    assert names() == ["run 2"]
    assert invoke("export", "runs.parquet", "--history").exit_code == 0
    assert list(pd.read_parquet("runs.history.parquet")["value"]) == [0.0, 0.5, 1.0]


def test_stdout_has_the_runs_and_nothing_else(filled):
    done = subprocess.run([*COMMAND, "export", "-", "--format", "csv"], capture_output=True, text=True, check=True)
    assert len(pd.read_csv(io.StringIO(done.stdout))) == 3
    assert "Exported 3 runs to stdout" in done.stderr
    done = subprocess.run([*COMMAND, "export", "-", "--format", "jsonl"], capture_output=True, text=True, check=True)
    assert {json.loads(line)["name"] for line in done.stdout.splitlines()} == {"run 0", "run 1", "run 2"}


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (2, ("export", "runs.xlsx"), "does not tell the format"),
        (2, ("export", "-"), "does not tell the format"),
        (1, ("export", "runs.zip", "--experiment", "no such"), "no run in"),
        (1, ("export", "runs.zip", "--run", "ffffffff"), "ffffffff"),
        (2, ("export", "runs.zip", "--where", "metrics.score >"), "--where:"),
        (2, ("export", "runs.xlsx"), "give --format, one of zip, parquet, csv, jsonl"),
        (2, ("export", "runs.zip", "--history"), "--history is for csv and parquet"),
        (2, ("import", "a.zip", "--experiment", " "), "--experiment (' ') must be a name"),
        (1, ("export", "runs.zip", "--store", "nowhere"), "there is no store"),
        (1, ("import", "no-such.zip"), "there is nothing at"),
        (1, ("import", "a.txt"), "is damaged, or is none"),
        (2, ("import", "https://ada:secret@host/"), "not the address of a server"),
    ],
)
def test_mistakes_are_told_in_a_line(filled, code, arguments, words):
    Path("a.txt").write_text("hello")
    done = invoke(*arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert "secret" not in done.output
    assert not Path("runs.zip").exists()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_table_is_not_said_to_be_a_damaged_archive(filled, ending):
    assert invoke("export", f"runs.{ending}").exit_code == 0
    done = invoke("import", f"runs.{ending}", "--store", "other")
    assert done.exit_code == 2
    assert "is a table, which cannot be imported" in done.stderr
    assert "skribe export runs.zip" in done.stderr
    assert "zip file" not in done.stderr
    assert not Path("other").exists()


def test_help_has_examples():
    assert "skribe export runs.zip" in invoke("export", "--help").stdout
    assert "skribe import mlflow.db" in invoke("import", "--help").stdout
    assert invoke("export").exit_code == 2


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), "skribe: exporting  50%"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        with Progress("exporting") as progress:
            progress.step(1, 10)
            progress._next = 0.0
            progress.step(5, 10)
        assert shown in stream.getvalue()
        assert bool(stream.getvalue()) == bool(shown)
