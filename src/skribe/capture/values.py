"""Any value of a parameter as a text: the same text for the same value, in every process.

No text holds a memory address or a credential, none grows without bound, and nothing that a value's own code does
when it is asked can reach the caller.
"""

from __future__ import annotations

import enum
import json
import math
from types import NoneType
from typing import Any, Final

import numpy as np

from skribe.capture.secrets import HIDDEN, is_secret, scrub
from skribe.capture.writer import Writer, type_name
from skribe.guard import attempt
from skribe.records import Note, ValueType

_DIGITS: Final = 4000  # Python refuses to write longer integers in decimal (sys.set_int_max_str_digits).
_ITEMS: Final = 10_000
_NUL = str.maketrans({"\0": "\\x00"})


class _NotJson(Exception):  # noqa: N818
    """The container would not come back from JSON as it was."""


def describe_value(value: Any, name: str = "", writer: Writer | None = None) -> tuple[str, ValueType]:
    """The text and the type under which a parameter is recorded. It never raises.

    Plain values are `str(value)`; with a type other than "object" the value can be had back from the text.
    `name` is the parameter's, for it decides whether the value is a credential. Share a `writer` between the
    parameters of one estimator, so that a nested estimator is described once.
    """
    kind = type(value)
    if value is None:
        return "None", "none"
    if name and is_secret(name) and not hasattr(kind, "get_params"):
        return HIDDEN, "redacted"
    if kind is bool:
        return str(value), "bool"
    if kind is float:
        return str(value), "float"
    if kind is str:
        return storable(scrub(value)), "str"
    if kind is int:
        return integer(value)
    notes: list[Note] = []
    described = attempt("value", notes, _describe, value, kind, writer)
    return described or (storable(f"<{type_name(kind)}: {notes[0].reason}>"), "object")


def storable(text: str) -> str:
    """The text as UTF-8 and SQLite can hold it: lone surrogates and NUL characters are written as escapes."""
    if "\0" in text:
        text = text.translate(_NUL)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def integer(value: int) -> tuple[str, ValueType]:
    """An integer of any size; beyond what Python writes in decimal, in hexadecimal."""
    if abs(value).bit_length() * 0.30103 < _DIGITS:
        return int.__repr__(value), "int"
    return hex(value), "object"


def _describe(value: Any, kind: type, writer: Writer | None) -> tuple[str, ValueType]:
    if issubclass(kind, np.generic):
        plain = value.item()
        # Long doubles give themselves back, dates become integers: only what is plain afterwards is used.
        if type(plain) in (bool, int, float, str) and not issubclass(kind, (np.datetime64, np.timedelta64)):
            return describe_value(plain)
    elif issubclass(kind, enum.Enum):
        if not issubclass(kind, (int, str)):
            return storable(scrub(str(value))), "object"
        return describe_value(value.value)
    elif issubclass(kind, str):
        return storable(scrub(str.__str__(value))), "str"
    elif issubclass(kind, int):
        return integer(int(int.__index__(value)))
    elif issubclass(kind, float):
        return float.__repr__(value), "float"
    elif kind in (list, dict):
        try:
            return json.dumps(_as_json(value, [0]), ensure_ascii=False), "json"
        except (_NotJson, RecursionError):
            pass
    return storable((writer or Writer()).write(value)), "object"


def _as_json(value: Any, seen: list[int]) -> Any:
    """A copy that is fit to be written, or `_NotJson` for what JSON would change."""
    kind = type(value)
    seen[0] += 1
    if seen[0] > _ITEMS:
        raise _NotJson
    if kind is str:
        return storable(scrub(value))
    if kind in (bool, NoneType) or (kind is float and math.isfinite(value)):
        return value
    if kind is int and value.bit_length() < _DIGITS:
        return value
    if kind is list:
        return [_as_json(item, seen) for item in value]
    if kind is dict and all(type(key) is str for key in value):
        return {
            storable(key): HIDDEN if item is not None and is_secret(key) else _as_json(item, seen)
            for key, item in value.items()
        }
    raise _NotJson
