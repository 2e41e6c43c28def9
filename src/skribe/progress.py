"""How far a search has come, shown while it runs: one line in a terminal, one bar in a notebook, nothing elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from typing import Any, NamedTuple

from skribe.display.progress import progress_html, progress_line

_AFTER = 1.0  # short searches are over before anybody looks
_EVERY = 0.2
_CLEAR = "\r\x1b[2K"


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


class Painter:
    """Shows the progress of one search at a time: of the first that runs; others beside it run unseen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: str | None = None
        self._next = 0.0
        self._handle: Any = None

    def show(self, progress: Progress) -> None:
        """Show it, if it is time to, and if somebody sees it. The line goes away with the search."""
        now = time.time()
        with self._lock:
            if self._run is None and now - progress.started > _AFTER and not progress.over:
                self._run = progress.run
            if self._run != progress.run or (now < self._next and not progress.over):
                return
            self._next = now + _EVERY
            try:
                self._paint(progress, now)
            finally:
                if progress.over:
                    self._run, self._next, self._handle = None, 0.0, None

    def _paint(self, progress: Progress, now: float) -> None:
        elapsed = now - progress.started
        if _in_notebook():
            self._paint_notebook(progress, elapsed)
            return
        stream = sys.stderr
        if stream is None or not _is_terminal(stream):
            return
        width = shutil.get_terminal_size().columns
        text = _CLEAR if progress.over else f"{_CLEAR}{progress_line(progress, elapsed, width - 1)}\r"
        with contextlib.suppress(OSError, ValueError):  # closed, or a pipe that nobody reads any more
            stream.write(text)
            stream.flush()

    def _paint_notebook(self, progress: Progress, elapsed: float) -> None:
        from IPython.display import display

        shown = {"text/html": progress_html(progress, elapsed), "text/plain": progress_line(progress, elapsed, 120)}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def _in_notebook() -> bool:
    # A kernel has a shell whose class says that it is spoken to by messages; a terminal has another.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
