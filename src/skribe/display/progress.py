"""The progress of a search in words, and as a bar for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple, Protocol

from skribe.display.harmless import one_line
from skribe.display.sketch import spark
from skribe.display.text import number
from skribe.words import seconds


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
    def failed(self) -> int: ...
    @property
    def over(self) -> bool: ...


class Pace(NamedTuple):
    """How fast results come. What passes before the first one, as workers start up, says nothing about the rest."""

    seconds: float  # since the first result
    computed: int  # since then


TELLING = 3  # fewer results are no pace


def time_left(progress: HowFar, pace: Pace | None) -> float | None:
    """The seconds that the rest will take at this pace, if it is known; results that were found cost nothing."""
    if progress.total is None or pace is None or pace.computed < 1 or progress.computed < TELLING:
        return None
    return pace.seconds * max(0, progress.total - progress.done) / pace.computed


def progress_line(progress: HowFar, elapsed: float, width: int, pace: Pace | None = None) -> str:
    """One line of at most `width` characters: done of total, the best so far, what failed, the time."""
    of = "" if progress.total is None else f"/{progress.total}"
    name = f"{progress.name} " if width >= 70 else ""
    stopped = "stopped after " if _stopped(progress) else ""
    parts = [f"skribe: {name}{stopped}{progress.done}{of} fits"]
    left = time_left(progress, pace)
    if progress.over or not left:
        parts.append(_rounded(elapsed))
    else:
        parts.append(f"{_rounded(elapsed)}, about {_rounded(left)} left")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.best is not None:
        parts.append(f"best {number(progress.best)} ({progress.best_name})")
    return one_line(" · ".join(parts), width)


def progress_html(progress: HowFar, elapsed: float, trail: Sequence[float] = (), pace: Pace | None = None) -> str:
    """The same with a bar and a small curve of the best so far, in the notebook's own colours."""
    bar = ""
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        bar = (
            f'<div role="progressbar" aria-valuenow="{progress.done}" aria-valuemax="{progress.total}" '
            f'style="{_BAR}"><div style="width:{share:.1%};height:100%;background:{_FILL}"></div></div>'
        )
    line = escape(progress_line(progress, elapsed, 200, pace))
    curve = "" if len(set(trail)) < 2 else f"<div>{spark(trail)}</div>"
    return f'<div style="{_FONT}"><div>{line}</div><div style="{_ROW}">{bar}{curve}</div></div>'


def line_html(lines: Sequence[tuple[str, str]], earlier: int) -> str:
    """Lines about runs, each with a link to its page."""
    more = f"<div>and {earlier} earlier</div>" if earlier else ""
    told = "".join(
        f'<div>{escape(one_line(line, 300))} · <a href="{escape(url)}" target="_blank" rel="noopener">open</a></div>'
        for line, url in lines
    )
    return f'<div style="{_FONT};opacity:.8">{more}{told}</div>'


def _stopped(progress: HowFar) -> bool:
    return progress.over and progress.total is not None and progress.done < progress.total


def _rounded(value: float) -> str:
    return seconds(float(max(1, round(value))))


_FONT = "font:12px/1.6 var(--jp-content-font-family,system-ui,sans-serif);color:inherit"
_ROW = "display:flex;gap:1em;align-items:center"
_BAR = (
    "width:16em;height:.5em;border:1px solid color-mix(in srgb,currentColor 35%,transparent);border-radius:.3em;"
    "margin:.3em 0"
)
_FILL = "color-mix(in srgb,#2f74d0 72%,currentColor)"
