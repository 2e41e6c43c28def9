"""Templates become pages here: what they are given, and the few functions that they can call."""

from __future__ import annotations

import datetime
import math
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

import skribe
from skribe.display.text import number
from skribe.ui.links import Links
from skribe.ui.plain import in_html
from skribe.words import seconds

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """What every template knows of the page that it makes."""

    title: str
    kind: str  # home, runs, run, compare, models, trash, error
    store: str
    root: str = ""
    frozen: bool = False
    readonly: bool = False
    version: str = skribe.__version__
    frozen_at: float | None = None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["embed"] = embed
    environment.filters.update(embed=embed, ago=ago, when=when, seconds=_seconds, number=_number, size=size)
    environment.globals.update(ago=ago, when=when, seconds=_seconds, number=_number, size=size)
    return environment


def render(template: str, page: Page, url: Links, **context: Any) -> str:
    """The page as HTML."""
    text = _environment().get_template(template).render(page=page, url=url, **context)
    return text.encode("utf-8", "backslashreplace").decode()


def embed(value: Any) -> Markup:
    """The value as JSON that can stand in `<script type="application/json">`."""
    return Markup(in_html(value))


def when(moment: float | None) -> str:
    """A moment as `<time datetime>` wants it."""
    if moment is None or not math.isfinite(moment):
        return ""
    try:
        return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""


def ago(moment: float | None) -> str:
    """How long ago a moment was, in words; a date if it was long ago."""
    if moment is None or not math.isfinite(moment):
        return "–"
    passed = time.time() - moment
    if passed < 45:
        return "just now" if passed > -5 else when(moment)[:10]
    if passed < 3600:
        return f"{max(1, round(passed / 60))} min ago"
    if passed < 86_400:
        return f"{round(passed / 3600)} h ago"
    if passed < 14 * 86_400:
        days = round(passed / 86_400)
        return "yesterday" if days == 1 else f"{days} days ago"
    return when(moment)[:10]


def size(count: float | None) -> str:
    """Bytes, with the unit that fits them."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _seconds(value: float | None) -> str:
    return seconds(value)
