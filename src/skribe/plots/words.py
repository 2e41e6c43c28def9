"""Values, scores and durations in words, as the advice and the pictures say them."""

from __future__ import annotations

import math
from typing import Any

# Texts that would read like another kind of value are said in quotes.
_LOOKALIKES = ("", "None", "True", "False")


def spoken(value: Any, width: int = 40) -> str:
    """A parameter's value, short: numbers with four digits, and texts that look like something else in quotes."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**9 else f"{value:.4g}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = shorten(str(value), width)
    return repr(text) if text in _LOOKALIKES or _reads_like_a_number(text) else text


def spoken_score(value: float) -> str:
    """A score with four significant digits."""
    return f"{value:.4g}"


def spoken_seconds(value: float) -> str:
    """A duration with the unit that fits it: `830 µs`, `12.4 ms`, `3.21 s`, `4 min 10 s`."""
    if not math.isfinite(value):
        return "-"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 100:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def shorten(text: str, width: int) -> str:
    """One line of at most `width` characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _reads_like_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
