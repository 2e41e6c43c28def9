"""Values and scores in words, as the advice and the pictures say them."""

from __future__ import annotations

from typing import Any

from skribe.words import shorten

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


def squeezed(text: Any, width: int) -> str:
    """One line of at most `width` characters, what is left out from the middle: names often differ at their ends."""
    line = " ".join(str(text).split())
    if len(line) <= width:
        return line
    end = (width - 1) // 2
    return line[: width - 1 - end] + "…" + line[-end:]


def _reads_like_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
