"""What a function of metrics gives that is more than one number, as a table that JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

# So many numbers are kept; a longer curve is thinned to so many points, both ends among them.
_CELLS, _POINTS = 10_000, 500
_TEXT, _BYTES = 100_000, 500_000
# What the parts are called of those that give several arrays.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "roc_curve": ("fpr", "tpr", "thresholds"),
    "precision_recall_curve": ("precision", "recall", "thresholds"),
    "det_curve": ("fpr", "fnr", "thresholds"),
    "precision_recall_fscore_support": ("precision", "recall", "fscore", "support"),
    "class_likelihood_ratios": ("LR+", "LR-"),
    "homogeneity_completeness_v_measure": ("homogeneity", "completeness", "v_measure"),
}


def table_of_result(function: str, value: Any) -> dict[str, Any]:
    """The value of a function of `sklearn.metrics`: `text`, `report`, `columns` by name, or `values`."""
    found = _table(function, value)
    size = len(json.dumps(found))
    return found if size <= _BYTES else {"text": f"(a result of {size} bytes, which is not kept)"}


def _table(function: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"text": value[:_TEXT]}
    if isinstance(value, Mapping):
        return {"report": _plain(value)}
    if isinstance(value, tuple | list):
        names = _PARTS.get(function, tuple(f"part {number}" for number in range(len(value))))
        parts = [np.asarray(part) for part in value]
        longest = max((part.size for part in parts), default=0)
        columns = {name: _plain(_thinned(part, longest)) for name, part in zip(names, parts, strict=False)}
        return {"columns": columns, "rows": longest}
    array = np.asarray(value)
    if array.size > _CELLS:
        return {"shape": list(array.shape)}
    return {"values": _plain(array), "shape": list(array.shape)}


def _thinned(array: Any, longest: int) -> Any:
    if longest <= _POINTS or array.ndim != 1:
        return array
    # By the place in the longest: the thresholds of a curve are one fewer than its points.
    places = np.unique(np.linspace(0, longest - 1, _POINTS).astype(np.intp))
    return array[places[places < array.size]]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str | type(None)) else str(value)
