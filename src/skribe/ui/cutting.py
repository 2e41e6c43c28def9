"""Long texts, cut to what a page can carry."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
# All texts of a page that are longer than the shortest of these shall come to no more than so many characters.
_ROOM = 250_000
_LIMITS = (4000, 2000, 1000, 500, 250)


def cut(value: T) -> T:
    """The same value, of the same types, in which no text is so long that the page would become slow.

    A text that is cut ends with how many characters it had more.
    """
    lengths = [length for length in _lengths(value) if length > _LIMITS[-1]]
    if not lengths:
        return value
    fitting = (limit for limit in _LIMITS if sum(min(length, limit) for length in lengths) <= _ROOM)
    limit = next(fitting, _LIMITS[-1])
    cutter: T = _cut(value, limit)
    return cutter


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, str):
        yield len(value)
    else:
        for each in _inside(value):
            yield from _lengths(each)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield getattr(value, field.name)


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        left = f"{len(value) - limit:,}".replace(",", " ")
        return value if len(value) <= limit else f"{value[:limit]}… {left} more characters"
    if isinstance(value, Mapping):
        return {key: _cut(each, limit) for key, each in value.items()}
    if isinstance(value, list):
        return [_cut(each, limit) for each in value]
    if isinstance(value, tuple):
        cells = [_cut(each, limit) for each in value]
        # A named tuple takes its fields one by one.
        return type(value)(*cells) if hasattr(value, "_fields") else tuple(cells)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _cut(getattr(value, field.name), limit) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
