"""What is shown while something runs, and when it has ended: a line in a terminal, a bar in a notebook, or nothing."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from skribe.display.progress import Pace, line_html, progress_html, progress_line

_AFTER = 1.0  # short searches are over before anybody looks
_EVERY = 0.2
_CLEAR = "\r\x1b[2K"
_TRAIL = 400  # points of the small curve; of more, every second is left out
_LINES = 8
_WAVE = 0.2  # of the time until the first result: what comes so soon after it was begun together with it


class Page(NamedTuple):
    """The page of a store: its address, and whether somebody still answers there."""

    url: str
    alive: Callable[[], bool]


# As long as one runs that this process has started.
_pages: dict[Path, Page] = {}


class Progress(NamedTuple):
    """How far a search has come."""

    run: str
    name: str
    started: float
    done: int
    total: int | None
    computed: int  # not taken from an earlier run
    best: float | None
    best_name: str
    over: bool = False
    failed: int = 0


class Painter:
    """Shows the progress of one search at a time: of the first that runs; others beside it run unseen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: str | None = None
        self._next = 0.0
        self._handle: Any = None
        self._trails: dict[str, list[float]] = {}  # of every search that runs
        self._waves: dict[str, tuple[float, int]] = {}  # likewise: when the first result came, and how many with it

    def show(self, progress: Progress) -> None:
        """Show it, if it is time to, and if somebody sees it. The line goes away with the search."""
        now = time.time()
        with self._lock:
            trail, pace = self._trail(progress), self._pace(progress, now)
            if self._run is None and now - progress.started > _AFTER and not progress.over:
                self._run = progress.run
            if self._run != progress.run or (now < self._next and not progress.over):
                return
            self._next = now + _EVERY
            try:
                self._paint(progress, now - progress.started, trail, pace)
            finally:
                if progress.over:
                    self._run, self._next, self._handle = None, 0.0, None

    def _trail(self, progress: Progress) -> list[float]:
        """How the best score has grown."""
        trail = self._trails.setdefault(progress.run, [])
        if progress.best is not None:
            trail.append(progress.best)
            if len(trail) > _TRAIL:
                del trail[1:-1:2]
        if progress.over:
            del self._trails[progress.run]
        return trail

    def _pace(self, progress: Progress, now: float) -> Pace | None:
        """How fast results have come since the first ones; None as long as there is nothing to tell it by."""
        if progress.over or progress.computed == 0:
            self._waves.pop(progress.run, None)
            return None
        first, together = self._waves.setdefault(progress.run, (now, progress.computed))
        if now - first <= _WAVE * (first - progress.started):
            self._waves[progress.run] = first, progress.computed
            return None
        return Pace(now - first, progress.computed - together)

    def _paint(self, progress: Progress, elapsed: float, trail: list[float], pace: Pace | None) -> None:
        if in_notebook():
            self._paint_notebook(progress, elapsed, trail, pace)
            return
        stream = sys.stderr
        if stream is None or not _is_terminal(stream):
            return
        width = shutil.get_terminal_size().columns
        text = _CLEAR if progress.over else f"{_CLEAR}{progress_line(progress, elapsed, width - 1, pace)}\r"
        with contextlib.suppress(OSError, ValueError):  # closed, or a pipe that nobody reads any more
            stream.write(text)
            stream.flush()

    def _paint_notebook(self, progress: Progress, elapsed: float, trail: list[float], pace: Pace | None) -> None:
        from IPython.display import display

        html = progress_html(progress, elapsed, trail, pace)
        shown = {"text/html": html, "text/plain": progress_line(progress, elapsed, 120, pace)}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def page_runs(folder: Path, page: Page | None) -> None:
    """The page of this store is there from now on, or nowhere any more."""
    if page is None:
        _pages.pop(folder, None)
    else:
        _pages[folder] = page


def _page_of(folder: Path | None) -> str | None:
    """Where the page of this store is. One whose server has ended is forgotten."""
    page = None if folder is None else _pages.get(folder)
    if folder is None or page is None:
        return None
    if not page.alive():
        page_runs(folder, None)
        return None
    return page.url


class Links:
    """The lines about runs, with links to their page: one output for a cell, however many runs it makes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cell: object = None
        self._handle: Any = None
        self._lines: list[tuple[str, str]] = []
        self._count = 0

    def tell(self, line: str, run: str, folder: Path | None) -> bool:
        """Show the line with a link, if this is a notebook and a page of the store runs; whether it was shown."""
        url = _page_of(folder) if in_notebook() else None
        if url is None:
            return False
        from IPython.display import display

        cell = sys.modules["IPython"].get_ipython().execution_count
        with self._lock:
            if cell != self._cell:
                self._cell, self._handle, self._lines, self._count = cell, None, [], 0
            self._count += 1
            self._lines = [*self._lines, (line, f"{url}runs/{run}")][-_LINES:]
            earlier = self._count - len(self._lines)
            html = line_html(self._lines, earlier)
            text = "\n".join([*([f"and {earlier} earlier"] if earlier else []), *(line for line, _ in self._lines)])
            shown = {"text/html": html, "text/plain": text}
            if self._handle is None:
                self._handle = display(shown, raw=True, display_id=True)
            else:
                self._handle.update(shown, raw=True)
        return True


links = Links()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    # A kernel has a shell whose class says that it is spoken to by messages; a terminal has another.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)  # Colab has one of its own


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
