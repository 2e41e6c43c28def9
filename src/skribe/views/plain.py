"""Any of our values as JSON can hold it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePath
from typing import Any


def as_plain(value: Any) -> Any:
    """Dictionaries, lists, texts, numbers: what is not a number (NaN, infinity) is None, which JSON can say.

    Named tuples and dataclasses become dictionaries.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_plain(each) for each in value]
    names = _names_of(type(value))  # type: ignore[arg-type, unused-ignore]
    if names is not None:
        return {name: as_plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple | set | frozenset):
        return [as_plain(each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return as_plain(value.tolist())
    return str(value)


@lru_cache(maxsize=256)
def _names_of(kind: type) -> tuple[str, ...] | None:
    """The names of what a record holds; None if it is no record."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
