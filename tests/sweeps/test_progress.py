"""How far a search has come: in words, as HTML, and on a real terminal."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skribe import progress as painting
from skribe.display.progress import Pace, progress_html, progress_line, time_left
from skribe.progress import Painter, Progress

pytestmark = pytest.mark.newest_only  # of terminals and pages
CLEAR = "\r\x1b[2K"


def far(**more) -> Progress:
    fields = {
        "run": "r", "name": "GridSearchCV", "started": 0.0, "done": 3, "total": 12, "computed": 3, "best": 0.9733,
        "best_name": "C=10, kernel=rbf", "over": False,
    }  # fmt: skip
    return Progress(**{**fields, **more})


# --- pure functions ------------------------------------------------------------------------------------------


def test_the_line():
    line = progress_line(far(), 60.2, 200, Pace(4.2, 2))
    assert line == "skribe: GridSearchCV 3/12 fits · 60 s, about 19 s left · best 0.9733 (C=10, kernel=rbf)"
    assert progress_line(far(best=None, total=None), 6.2, 200) == "skribe: GridSearchCV 3 fits · 6 s"
    assert "left" not in progress_line(far(over=True), 6.2, 200, Pace(4.2, 2))
    assert "left" not in progress_line(far(), 6.2, 200)


def test_time_left():
    assert time_left(far(), Pace(4.0, 2)) == 18.0
    assert time_left(far(), None) is None
    assert time_left(far(), Pace(0.0, 0)) is None
    assert time_left(far(total=None), Pace(4.0, 2)) is None
    # Two results are no pace yet.
    assert time_left(far(done=2, computed=2), Pace(4.0, 1)) is None
    # Six of the nine that are done were found: each that is computed takes two seconds.
    assert time_left(far(done=9, computed=3), Pace(4.0, 2)) == 6.0
    assert time_left(far(done=13), Pace(4.0, 2)) == 0.0


progresses = st.builds(
    Progress, st.text(), st.text(), st.just(0.0), st.integers(0, 10**9), st.none() | st.integers(0, 10**9),
    st.integers(0, 10**9), st.none() | st.floats(), st.text(), st.booleans(),
)  # fmt: skip
elapsed = st.floats(0, 1e9)


@given(progresses, elapsed, st.integers(2, 200))
def test_the_line_is_one_line_and_fits(progress, seconds, width):
    line = progress_line(progress, seconds, width)
    assert len(line) <= width
    assert line.splitlines() in ([line], [])


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@given(progresses, elapsed)
def test_the_html_is_whole_and_escaped(progress, seconds):
    page = Balanced()
    page.feed(progress_html(progress, seconds))
    page.close()
    assert page.open == []
    assert page.text.split() == progress_line(progress, seconds, 200).split()
    assert {name for name, _ in page.attributes} <= {"style", "role", "aria-valuenow", "aria-valuemax"}
    assert [name for name, _ in page.attributes].count("role") == bool(progress.total)


def test_the_bar_is_as_long_as_the_part_that_is_done():
    assert "width:25.0%" in progress_html(far(), 1.0)
    assert "width:100.0%" in progress_html(far(done=99), 1.0)
    assert "&lt;script&gt;" in progress_html(far(best_name="<script>"), 1.0)


# --- when it is shown ----------------------------------------------------------------------------------------


class Terminal:
    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def screen(monkeypatch):
    """A terminal, and a clock that the test moves."""
    terminal = Terminal()
    terminal.now = 0.0

    class Clock:
        @staticmethod
        def time():
            return terminal.now

    # Not `sys.stderr` itself: pytest puts its own there between this fixture and the test.
    class System:
        stderr, modules = terminal, {}

    monkeypatch.setattr(painting, "time", Clock)
    monkeypatch.setattr(painting, "sys", System)
    return terminal


def test_a_short_search_is_not_shown(screen):
    painter = Painter()
    for screen.now in (0.1, 0.5, 0.9):
        painter.show(far())
    painter.show(far(over=True))
    assert screen.text == ""


def test_it_is_painted_now_and_then_and_erased(screen):
    painter = Painter()
    for tick in range(300):
        screen.now = tick / 100
        painter.show(far(done=tick))
    painted = screen.text.count("GridSearchCV")
    assert 8 <= painted <= 12
    painter.show(far(over=True))
    assert screen.text.endswith(CLEAR)
    assert screen.text.count("GridSearchCV") == painted


def lefts(screen, painter, course):
    """What is said of the time left at each (moment, results)."""
    said = []
    for screen.now, count in course:
        screen.text = ""
        painter.show(far(done=count, computed=count, total=40))
        found = re.search(r"about (.*) left", screen.text)
        said.append(found and found[1])
    return said


def test_the_start_of_workers_is_no_part_of_the_pace(screen):
    # A minute until the workers are there, and then a result each second.
    course = [(60.0, 1), (61.0, 2), (80.0, 20), (90.0, 30)]
    assert lefts(screen, Painter(), course) == [None, None, "22 s", "11 s"]


def test_results_that_come_together_are_no_pace(screen):
    # Eight workers, ten seconds for each fit.
    course = [(10 * turn + place / 4, 8 * (turn - 1) + place + 1) for turn in (1, 2) for place in range(8)]
    said = lefts(screen, Painter(), course)
    assert said[:8] == [None] * 8
    assert said[-1] == "35 s"


def test_one_search_is_shown_at_a_time(screen):
    painter = Painter()
    screen.now = 2.0
    painter.show(far(run="one", name="One"))
    screen.now = 3.0
    painter.show(far(run="two", name="Two"))
    painter.show(far(run="two", name="Two", over=True))
    assert "Two" not in screen.text
    painter.show(far(run="one", name="One", over=True))
    screen.now = 4.0
    painter.show(far(run="two", name="Two"))
    assert "Two" in screen.text


@pytest.mark.parametrize("stream", ["none", "closed", "broken"])
def test_without_a_terminal_nothing_happens(stream, monkeypatch):
    class Broken(Terminal):
        def write(self, text):
            raise BrokenPipeError

    class Closed(Terminal):
        def isatty(self):
            raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(sys, "stderr", {"none": None, "closed": Closed(), "broken": Broken()}[stream])
    Painter().show(far(started=-100.0))


# --- on a real terminal --------------------------------------------------------------------------------------

SEARCH = """
    import contextlib, json, sys, time
    import skribe
    settings = json.loads(sys.argv[1])
    skribe.autolog(silent=settings.get("silent", False))
    from sklearn.base import BaseEstimator
    from sklearn.model_selection import GridSearchCV

    class Waits(BaseEstimator):
        def __init__(self, a=0):
            self.a = a

        def fit(self, X, y=None):
            time.sleep(0.12)
            return self

        def score(self, X, y=None):
            return self.a / 10

    search = GridSearchCV(Waits(), {"a": [1, 5, 3]}, cv=6, refit=False, verbose=settings.get("verbose", 0))
    with skribe.run("by hand") if settings.get("inside") else contextlib.nullcontext():
        search.fit([[i] for i in range(12)])
    print("over", file=sys.stderr, flush=True)
"""
WAYS = {
    "plain": {}, "silent": {"silent": True}, "verbose": {"verbose": 1}, "pipe": {"pipe": True},
    "inside": {"inside": True},
}  # fmt: skip


def _read(terminal: int) -> str:
    said = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody has the other end any more
            block = b""
        if not block:
            return said.decode()
        said += block


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each way of searching writes to its standard error; all search at the same time."""
    pty = pytest.importorskip("pty")
    going = {}
    for way, settings in WAYS.items():
        folder = tmp_path_factory.mktemp(way)
        terminal, other = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SEARCH), json.dumps(settings)],
            stdin=other,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if settings.get("pipe") else other,
            env={**os.environ, "SKRIBE_STORE": str(folder), "COLUMNS": "100", "TERM": "xterm"},
            cwd=folder,
        )
        os.close(other)
        going[way] = process, terminal
    found = {}
    for way, (process, terminal) in going.items():
        found[way] = process.stderr.read().decode() if process.stderr else _read(terminal)
        assert process.wait(60) == 0, found[way]
        os.close(terminal)
        if process.stderr:
            process.stderr.close()
    return found


def frames(text: str) -> list[str]:
    return re.findall(r"\r\x1b\[2K(skribe: GridSearchCV\S* \d+/18 fits[^\r]*)\r", text)


def test_on_a_terminal_the_line_appears_and_goes(said):
    text = said["plain"]
    shown = frames(text)
    assert len(shown) >= 3
    done = [int(re.search(r"(\d+)/18", frame)[1]) for frame in shown]
    assert done == sorted(done)
    assert all("left" in frame for frame, count in zip(shown, done, strict=True) if 6 <= count < 18)
    assert re.search(r"best 0\.5 \(a=5\)", shown[-1])
    assert all(len(frame) < 100 for frame in shown)
    # After the last erasing there is the one line about the run, and the user's own word.
    rest = text.rpartition(CLEAR)[2].splitlines()
    assert len(rest) == 2
    assert rest[0].startswith("skribe: GridSearchCV")
    assert "best_cv_score 0.5" in rest[0]
    assert rest[1] == "over"
    assert text.index("skribe: ") > text.index(CLEAR)


@pytest.mark.parametrize(("ago", "seen"), [(0.5, False), (1.5, True)])
def test_short_searches_are_over_before_anybody_looks(monkeypatch, ago, seen):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    Painter().show(Progress("run", "GridSearchCV", time.time() - ago, 1, 18, 1, 0.5, "a=5"))
    assert bool(sys.stderr.getvalue()) is seen


def test_silent_is_silent(said):
    assert said["silent"] == "over\r\n"


def test_who_asks_the_search_to_talk_gets_no_second_voice(said):
    assert frames(said["verbose"]) == []
    assert "\x1b" not in said["verbose"]


def test_in_a_pipe_there_is_only_the_line_at_the_end(said):
    lines = said["pipe"].splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("skribe: GridSearchCV")
    assert "\x1b" not in said["pipe"]


def test_inside_a_run_by_hand_it_is_shown_too(said):
    assert len(frames(said["inside"])) >= 3
