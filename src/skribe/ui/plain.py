"""Any of our values as JSON, also inside of HTML."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from skribe.views.plain import as_plain

# What would end the element that the JSON stands in, and what old parsers took for the end of a line.
_IN_HTML = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def as_json(value: Any) -> str:
    """The value as JSON. A lone surrogate is written as it is escaped, so that the text can be sent."""
    try:
        # Nearly everything comes as it is wanted; a search of ten thousand candidates is ten times quicker so.
        text = _dumped(value, default=_opened)
    except (ValueError, TypeError):
        text = _dumped(as_plain(value))
    return text.encode("utf-8", "backslashreplace").decode()


def _dumped(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), **options)


def _opened(value: Any) -> Any:
    """What JSON does not know, one level deep."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return as_plain(value)


def in_html(value: Any) -> str:
    """The value as JSON that can stand inside an HTML page, whatever texts are in it."""
    return as_json(value).translate(_IN_HTML)
