"""Durations and texts, short enough to be read."""

from __future__ import annotations

import math
from typing import Any


def seconds(value: float | None) -> str:
    """A duration, with the unit that fits it: `830 µs`, `12.4 ms`, `3.21 s`, `4 min 10 s`."""
    if value is None or not math.isfinite(value):
        return "-"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 100:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def count(number: int, one: str, several: str | None = None) -> str:
    """A number of things: `1 record`, `12 records`."""
    return f"{number} {one}" if number == 1 else f"{number} {several or one + 's'}"


def shorten(value: Any, width: int = 60) -> str:
    """One line of at most `width` characters. For showing only: what is stored is whole."""
    text = " ".join(str(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"
