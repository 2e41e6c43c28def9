"""Parameters and facts are stored as text with a type; here are the number inside the text, and the way back."""

from __future__ import annotations

import math
from typing import Any

_INT64 = 2**63


def number_of(value: str, type_: str) -> int | float | None:
    """The numeric value by which comparisons are made, if it has one that SQLite can hold (NaN has none)."""
    try:
        if type_ == "int":
            return storable(int(value))
        if type_ == "float":
            number = float(value)
            return number if number == number else None
        if type_ == "bool":
            return 1 if value == "True" else 0
    except (ValueError, OverflowError):
        pass
    return None


def storable(number: int) -> int | float | None:
    """The integer itself while it fits in 64 bits, else the nearest float, which orders rightly."""
    if -_INT64 <= number < _INT64:
        return number
    try:
        return float(number)
    except OverflowError:
        return None


def decode(value: str, type_: str) -> Any:
    """The value that the text stands for: an int, a float, a bool or None; anything else stays text."""
    try:
        match type_:
            case "none":
                return None
            case "bool":
                return value == "True"
            case "int":
                return int(value)
            case "float":
                return float(value)
    except ValueError:
        pass
    return value


class Decoder(dict[str, Any]):
    """`decode` for one type, remembering: a column has many rows and few different values."""

    def __init__(self, type_: str) -> None:
        super().__init__()
        self.type = type_

    def __missing__(self, value: str) -> Any:
        result = decode(value, self.type)
        if len(self) < 100_000:
            self[value] = result
        return result


def plain_value(value: str, type_: str) -> Any:
    """The value as JSON can hold it: what is no finite number, or no number that everybody can read, stays text."""
    found = decode(value, type_)
    if isinstance(found, float) and not math.isfinite(found):
        return value
    if isinstance(found, int) and abs(found) > 2**53:
        return value
    return found
