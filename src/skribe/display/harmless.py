"""Anybody's texts, made fit to be shown: short, on one line, without characters that act instead of being read."""

from __future__ import annotations

import re

# Control characters; those that turn the direction of writing, so that a text reads as another; halves of characters.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text, with what would act written as its code: `\\x1b`, `\\u202e`. Lines stay lines."""
    return _ACTING.sub(_code, text)


def one_line(value: object, width: int) -> str:
    """The same on one line of at most `width` characters; what is left out is from the end."""
    text = str(value)
    # Of a text of megabytes only the beginning is looked at.
    line = " ".join(visible(text[: 8 * width]).split())
    return line if len(line) <= width and len(text) <= 8 * width else line[: width - 1] + "…"


def squeezed(value: object, width: int) -> str:
    """One line, what is left out from the middle: names often differ at their ends."""
    line = one_line(value, 8 * width)
    if len(line) <= width:
        return line
    end = (width - 1) // 2
    return line[: width - 1 - end] + "…" + line[len(line) - end :]


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
