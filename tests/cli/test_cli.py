"""The `skribe` command as a whole: help, exit codes, pipes, completion."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import skribe
from skribe.cli import COMMANDS, main
from tests.cli.book import call

COMMAND = [str(Path(sys.executable).parent / "skribe")]
NAMES = [name for section in COMMANDS.values() for name in section]
READS = ("runs", "show", "compare", "best", "tail", "experiments", "models", "sync", "gc", "doctor")
DOC = Path(__file__).parents[2] / "docs" / "terminal.md"


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def test_the_demo_trains_four_models_and_shows_what_was_written(own_folder):
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skribe: ") == 4
    for name in ("LogisticRegression", "RandomForestRegressor", "Pipeline(LogisticRegression)", "GridSearchCV(SVC)"):
        assert name in done.stdout
    assert f"The records are in {own_folder / 'skribe_runs'}" in done.stdout
    assert list(skribe.runs("demo")["kind"]) == ["search", "fit", "fit", "fit"]
    assert "best_cv_score" in call("show", "last").stdout


def test_wrong_words_are_told_and_help_helps():
    wrong = call("demoo")
    assert wrong.exit_code == 2
    assert "demo" in wrong.stderr
    assert skribe.__version__ in call("--version").stdout
    told = call("--help").stdout
    for section, commands in COMMANDS.items():
        assert f"{section}:" in told
        for name, (_, line) in commands.items():
            assert re.search(rf"^  {name} +{re.escape(line[:30])}", told, re.M), name


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_help_with_examples(name):
    done = call(name, "--help")
    assert done.exit_code == 0
    assert f"skribe {name}" in done.stdout.partition("Options:")[0].partition("\n")[2] or name == "completion"
    for param in command(name).params:
        if isinstance(param, click.Option):
            assert param.help, f"{name} {param.name}"


def test_every_read_takes_the_three_shapes():
    for name in READS:
        options = {option for param in command(name).params for option in param.opts}
        assert {"--json", "--csv", "--md"} <= options, name
    for name in ("delete", "gc"):
        options = {option for param in command(name).params for option in param.opts}
        assert {"--dry-run", "--yes"} <= options, name


def test_every_command_and_option_is_in_the_docs():
    text = DOC.read_text(encoding="utf-8")
    for name in NAMES:
        assert f"skribe {name}" in text, name
        for param in command(name).params:
            if isinstance(param, click.Option):
                assert max(param.opts, key=len) in text, f"{name} {param.opts}"
    for code in ("| 0 |", "| 1 |", "| 2 |", "| 130 |"):
        assert code in text


def test_the_help_is_quick():
    script = "import sys; from skribe.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    for heavy in ("rich", "pandas", "numpy", "sklearn", "sqlite3", "skribe.cli.runs", "skribe.session"):
        assert heavy not in loaded, heavy
    times = []
    for _ in range(3):
        began = time.perf_counter()
        run("--help")
        times.append(time.perf_counter() - began)
    assert min(times) < 1.0, times  # 0.07 s where nothing else runs


def test_json_of_runs_needs_neither_pandas_nor_rich(book):
    book.run()
    script = (
        "import sys; from skribe.cli import main; main(['runs', '--json'], standalone_mode=False); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout.split()
    for heavy in ("rich", "pandas", "sklearn", "mlflow"):
        assert heavy not in loaded, heavy


@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
def test_a_closed_pipe_is_quiet(book):
    for n in range(30):
        book.run(params={"text": "x" * 9000, "n": n})
    line = f"{COMMAND[0]} runs --json | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("runs",), ("--help",)])
def test_output_that_cannot_be_written_is_told(book, arguments):
    book.run()
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


@pytest.mark.parametrize("columns", ["²", "٤٠", "-3"])
def test_a_width_that_is_no_number_is_none(book, columns):
    book.run()
    done = call("runs", env={"COLUMNS": columns})
    assert done.exit_code == 0, done.exception
    assert done.stdout == call("runs").stdout


def test_colours_only_where_somebody_looks(book):
    book.run()
    assert "\x1b" not in run("runs").stdout
    if shutil.which("script") is None:
        pytest.skip("needs script")
    in_terminal = ["script", "-qec", f"{COMMAND[0]} runs", "/dev/null"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        done = subprocess.run(
            in_terminal, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment | more
        )
        assert ("\x1b[" in done.stdout) == coloured, more


def test_what_is_delivered_is_told_to_machines(book):
    book.run(wanted=("nobody:x",))
    done = call("sync", "--dry-run", "--json")
    (row,) = json.loads(done.stdout)
    assert row["backend"] == "nobody:x"
    assert call("sync", "--dry-run", "--md").stdout.startswith("| backend |")


# -- completion


def completed(words: str) -> list[str]:
    """What a shell offers for the last word."""
    from click.shell_completion import ShellComplete

    *before, last = words.split(" ")[1:]
    offered = ShellComplete(main, {}, "skribe", "_SKRIBE_COMPLETE").get_completions(before, last)
    return [item.value for item in offered]


def test_a_shell_asks_in_a_process_of_its_own(book):
    run_id = book.run("SVC")
    asked = {"_SKRIBE_COMPLETE": "bash_complete", "COMP_WORDS": "skribe show ", "COMP_CWORD": "2"}
    done = run(env={**os.environ, **asked})
    assert (done.stdout, done.stderr) == (f"plain,last\nplain,{run_id[-8:]}\n", "")


def test_shells_complete(book):
    run_id = book.run("SVC", metrics={"cost": 1.0}, params={"C": 1})
    assert completed("skribe ru") == ["runs"]
    assert "--only-changed" in completed("skribe runs --on")
    assert completed("skribe show ") == ["last", run_id[-8:]]
    assert completed(f"skribe show {run_id[-8:][:5]}") == [run_id[-8:]]
    assert completed("skribe best ch") == ["churn"]
    assert completed("skribe best churn --metric c") == ["cost"]
    assert completed("skribe runs --columns name,metrics.c") == ["name,metrics.cost"]
    assert completed("skribe models al") == ["alias"]


def test_completion_never_fails(book):
    book.run()
    (book.folder / "skribe.db").write_text("no database")
    assert completed("skribe show ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_shells(shell):
    done = call("completion", shell)
    assert done.exit_code == 0
    assert f"_SKRIBE_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)
    assert call("completion", "tcsh").exit_code == 2
