"""`skribe tail`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from skribe.capture.environment import process_info
from skribe.cli import tail
from skribe.records import Changes, End
from tests.cli.book import Book, call

COMMAND = [sys.executable, "-c", "from skribe.cli import main; main()"]


@pytest.fixture
def live(own_folder):
    """Runs of this process, which is alive."""
    return Book(own_folder / "skribe_runs", process_info())


def test_once_shows_how_a_search_stands(live):
    search, children = live.search(done=4, status="running", failing=True)
    live.run("newer")
    done = call("tail", "--once")
    assert done.exit_code == 0, done.output
    told = done.stdout
    for words in ("running", "12/18 fits", "about", "best so far", "last finished", "3 fits failed"):
        assert words in told, words
    assert "ValueError: \\x1b[31mno" in told
    assert told.index("C=3") < told.index("C=2"), "the last finished comes first"
    data = json.loads(call("tail", search[-8:], "--json").stdout)
    assert (data["done"], data["total"], data["failed"], data["status"]) == (12, 18, 3, "running")
    assert data["best"]["params"] == {"C": 3, "kernel": "rbf"}
    assert data["best"]["id"] == children[3]
    assert "| rank |" in call("tail", "--md").stdout
    assert call("tail", "--csv").stdout.startswith("rank,score,std")


def test_a_killed_search_is_over(book):
    """Its process is dead: it does not wait for it."""
    process = process_info()
    Book(book.folder, process._replace(pid=2**22 - 3, token="dead")).search(done=2, status="running")
    done = call("tail")
    assert done.exit_code == 1
    assert "killed" in done.stdout
    assert "6/18 fits" in done.stdout


def test_it_ends_with_the_search_and_says_a_line_for_what_is_new(live, monkeypatch):
    monkeypatch.setattr(tail, "_TICK", 0.05)
    search, _ = live.search(done=4, status="running")

    def finish():
        time.sleep(0.3)
        live.write(Changes(run=search, end=End("finished", time.time(), 9.0)))

    other = threading.Thread(target=finish)
    other.start()
    done = call("tail")
    other.join()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"GridSearchCV {search[-8:]} · 12 of 18 fits · best 0.731 (C=3)")
    assert lines[1].endswith("finished")


def test_other_runs_and_none(book):
    assert call("tail").exit_code == 1
    book.run("SVC", metrics={"cost": 2.0}, status="failed")
    done = call("tail")
    assert done.exit_code == 1
    assert "cost  2" in done.stdout
    assert call("tail", "ffffffff").exit_code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made another way there")
def test_in_a_terminal_it_draws_and_ctrl_c_is_quiet(live):
    import pty

    search, _ = live.search(done=4, status="running")
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
        os.execv(COMMAND[0], [*COMMAND, "tail"])
    drawn, asked = b"", False
    with contextlib.suppress(OSError):
        while (part := os.read(terminal, 65536)) != b"":
            drawn += part
            if b"last finished" in drawn and not asked:
                asked = True
                os.kill(pid, signal.SIGINT)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert search[-8:].encode() in drawn
    assert b"Traceback" not in drawn
    assert b"Aborted" not in drawn


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
def test_ctrl_c_without_a_terminal(live):
    live.search(done=4, status="running")
    process = subprocess.Popen([*COMMAND, "tail"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "")
