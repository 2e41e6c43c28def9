"""Views as JSON can hold them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


def as_plain(value: Any) -> Any:
    """Dicts, lists, texts and numbers only; None for a number that is not finite."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
