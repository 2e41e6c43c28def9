"""Texts of the store in the terminal: shown as they are, except what would steer it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from skribe.display.harmless import visible
from skribe.display.text import number
from skribe.words import count

_LONGEST = 400  # of what is longer nobody sees the end in a table


def literal(value: Any, most: int = _LONGEST) -> str:
    """A value in one line of at most so many characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value) if value == value else "nan"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    text = str(value)
    cut = len(text) > 4 * most
    text = " ".join(text[: 4 * most].split())
    if cut or len(text) > most:
        text = text[: most - 1] + "…"
    return visible(text)


def lines_of(text: str) -> list[str]:
    """A text of several lines, each as it is."""
    return [visible(line) for line in text.expandtabs(4).replace("\r\n", "\n").rstrip("\n").split("\n")]


def moment(seconds: float | None) -> datetime | None:
    """A time of the store."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def age(start: datetime | None) -> str:
    """How long ago, in a word or two; of what is older than a month, the day."""
    if start is None:
        return ""
    gone = time.time() - start.timestamp()
    if gone < 1:
        return "now"
    if gone > 31 * 86400:
        return start.astimezone().strftime("%Y-%m-%d")
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if gone >= size:
            return f"{int(gone / size)} {unit}"
    return f"{int(gone)} s"


def short(run: str | None) -> str:
    """The last eight digits of an id."""
    return "" if run is None else visible(run[-8:])


__all__ = ["age", "count", "lines_of", "literal", "moment", "short", "visible"]
