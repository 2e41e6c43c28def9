"""The progress of a search in words, and as a bar for notebooks."""

from __future__ import annotations

from html import escape
from typing import Protocol

from skribe.display.text import number
from skribe.words import seconds, shorten


class HowFar(Protocol):
    """What is shown of a search that runs."""

    @property
    def name(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    @property
    def computed(self) -> int: ...
    @property
    def best(self) -> float | None: ...
    @property
    def best_name(self) -> str: ...
    @property
    def over(self) -> bool: ...


def time_left(progress: HowFar, elapsed: float) -> float | None:
    """The seconds that the rest will take, if it goes on as so far; results that were found cost nothing."""
    if progress.total is None or progress.computed == 0:
        return None
    return elapsed * max(0, progress.total - progress.done) / progress.computed


def progress_line(progress: HowFar, elapsed: float, width: int) -> str:
    """One line of at most `width` characters: done of total, the best so far, the time."""
    of = "" if progress.total is None else f"/{progress.total}"
    name = f"{progress.name} " if width >= 70 else ""
    parts = [f"skribe: {name}{progress.done}{of} fits"]
    left = time_left(progress, elapsed)
    if progress.over or not left:
        parts.append(_rounded(elapsed))
    else:
        parts.append(f"{_rounded(elapsed)}, about {_rounded(left)} left")
    if progress.best is not None:
        parts.append(f"best {number(progress.best)} ({progress.best_name})")
    return shorten(" · ".join(parts), width)


def progress_html(progress: HowFar, elapsed: float) -> str:
    """The same with a bar, in the notebook's own colours."""
    bar = ""
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        bar = (
            f'<div role="progressbar" aria-valuenow="{progress.done}" aria-valuemax="{progress.total}" '
            'style="width:16em;height:.5em;border:1px solid currentColor;border-radius:.3em;margin:.3em 0;opacity:.6">'
            f'<div style="width:{share:.1%};height:100%;background:currentColor"></div></div>'
        )
    line = escape(progress_line(progress, elapsed, 200))
    return f'<div style="font:13px/1.5 system-ui,sans-serif;color:inherit">{line}{bar}</div>'


def _rounded(value: float) -> str:
    return seconds(float(max(1, round(value))))
