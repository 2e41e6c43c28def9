"""What a data set looked like: shape, columns, gaps, a fingerprint. No row of it is kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from skribe.capture.fingerprint import combine, fingerprint, fingerprint_or_note
from skribe.capture.missing import missing_count
from skribe.capture.values import describe_value, storable
from skribe.guard import attempt, hushed
from skribe.records import Dataset, Note

COLUMNS_LISTED = 200
_kinds: dict[tuple[str, str], str] = {}


def dataset(
    X: Any,
    y: Any = None,
    *,
    role: str = "train",
    name: str | None = None,
    target_summary: Mapping[str, Any] | None = None,
) -> Dataset:
    """Describe `X` and the target `y` that came with it. It never raises: what fails is absent, with the reason.

    `target_summary` is recorded as it is (a class balance, say); without one a continuous target gets its range,
    mean and deviation. The details are plain JSON, every number in them finite.
    """
    notes: list[Note] = []
    details: dict[str, Any] = {}
    with hushed():
        shape = attempt("shape", notes, shape_of, X)
        X_print = fingerprint_or_note(X, "X_fingerprint", notes)
        _put(details, "X_fingerprint", X_print)
        attempt("schema", notes, _add_schema, details, X)
        _put(details, "memory_bytes", attempt("memory_bytes", notes, _memory_of, X))
        _put(details, "missing", attempt("missing", notes, missing_count, X))
        whole = X_print
        if y is not None:
            y_print = fingerprint_or_note(y, "y_fingerprint", notes)
            _put(details, "y_fingerprint", y_print)
            whole = combine(X_print, y_print)
            details["target"] = _target(y, target_summary, notes)
        kind = attempt("kind", notes, kind_of, X) or "unknown"
    if notes:
        details["notes"] = {note.what: storable(note.reason) for note in notes}
    return Dataset(role, name, kind, shape, whole, details)


def _put(details: dict[str, Any], key: str, value: Any) -> None:
    if value is not None:
        details[key] = value


def kind_of(data: Any) -> str:
    """The class by the name under which it is imported: `pandas.DataFrame`, `scipy.sparse.csr_matrix`, `list`."""
    cls = type(data)
    key = (cls.__module__, cls.__qualname__)
    known = _kinds.get(key)
    if known is None:
        known = _kinds[key] = storable(_public_name(cls))
    return known


def _public_name(cls: type) -> str:
    if cls.__module__ == "builtins":
        return cls.__qualname__
    path = cls.__module__
    parts = path.split(".")
    for count in range(1, len(parts)):
        prefix = ".".join(parts[:count])
        module = sys.modules.get(prefix)
        if module is not None and vars(module).get(cls.__name__) is cls:
            path = prefix
            break
    return f"{path}.{cls.__qualname__}"


def shape_of(data: Any) -> tuple[int, ...] | None:
    """The shape; of nested lists as deep as they are regular."""
    if isinstance(data, (list, tuple)):
        return (len(data), *_shape_inside(list(data)))
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        return tuple(int(size) for size in shape)
    if isinstance(data, (dict, str, bytes)) or not hasattr(type(data), "__len__"):
        return None
    return (len(data),)


def _shape_inside(items: list[Any], depth: int = 1) -> tuple[int, ...]:
    """The shape that all the items share; nothing where their sizes differ."""
    types = set(map(type, items))
    if types and types <= {list, tuple} and depth < 32:
        sizes = set(map(len, items))
        if len(sizes) == 1:
            return (*sizes, *_shape_inside([part for item in items for part in item], depth + 1))
    elif types == {np.ndarray}:
        shapes = {item.shape for item in items}
        if len(shapes) == 1:
            return tuple(map(int, shapes.pop()))
    return ()


def _add_schema(details: dict[str, Any], data: Any) -> None:
    columns = _columns_of(data)
    if columns is None:
        dtype = getattr(data, "dtype", None)
        if dtype is None:
            dtype = getattr(data, "type", None)
        if dtype is not None:
            details["dtype"] = storable(str(dtype))
        return
    names, dtypes = columns
    texts = {key: storable(str(dtype)) for key, dtype in {id(dtype): dtype for dtype in dtypes}.items()}
    details["n_columns"] = len(names)
    # Pairs and not a mapping, because two columns may have one name.
    details["columns"] = [
        [
            name if type(name) is str and name.isascii() and "\0" not in name else describe_value(name)[0],
            texts[id(dtype)],
        ]
        for name, dtype in zip(names[:COLUMNS_LISTED], dtypes, strict=False)
    ]
    if len(names) > COLUMNS_LISTED:
        _put(details, "columns_fingerprint", fingerprint([names, [texts[id(dtype)] for dtype in dtypes]]))


def _columns_of(data: Any) -> tuple[list[Any], list[Any]] | None:
    """Names and types of the columns of a frame, from whichever library; None for what has no columns."""
    if type(data).__name__ == "LazyFrame":
        return None  # To name its columns it would plan the whole query.
    # Asked of the class first: in a frame, `schema` may be one of the columns.
    schema = getattr(data, "schema", None) if hasattr(type(data), "schema") else None
    if schema is not None and hasattr(schema, "names") and not callable(schema.names):
        types = schema.types if hasattr(schema, "types") else schema.dtypes()
        return list(schema.names), list(types)
    columns, dtypes = getattr(data, "columns", None), getattr(data, "dtypes", None)
    if columns is None or dtypes is None:
        return None
    return columns.tolist() if hasattr(columns, "tolist") else list(columns), list(dtypes)


def _memory_of(data: Any) -> int | None:
    if isinstance(data, np.ndarray):
        return int(data.nbytes)
    if hasattr(type(data), "nnz"):
        parts = [getattr(data, part, None) for part in ("data", "indices", "indptr", "row", "col", "offsets")]
        return int(sum(part.nbytes for part in parts if isinstance(part, np.ndarray)))
    manager = getattr(data, "_mgr", None)
    blocks = getattr(manager, "blocks", None)
    if blocks is not None:  # `memory_usage` builds a Series for each column.
        index = data.index
        labels = 0 if type(index).__name__ == "RangeIndex" else int(index.nbytes)
        return labels + int(sum(block.values.nbytes for block in blocks))
    if hasattr(type(data), "estimated_size"):
        return int(data.estimated_size())
    size = getattr(data, "nbytes", None)
    return int(size) if isinstance(size, (int, np.integer)) else None


def _target(y: Any, summary: Mapping[str, Any] | None, notes: list[Note]) -> dict[str, Any]:
    target: dict[str, Any] = {}
    _put(target, "kind", attempt("target kind", notes, kind_of, y))
    shape = attempt("target shape", notes, shape_of, y)
    _put(target, "shape", list(shape) if shape is not None else None)
    attempt("target schema", notes, _add_schema, target, y)
    _put(target, "missing", attempt("target missing", notes, missing_count, y))
    if summary is None:
        _put(target, "summary", attempt("target summary", notes, _continuous, y))
    else:
        _put(target, "summary", attempt("target summary", notes, plain, summary))
    return target


def _continuous(y: Any) -> dict[str, float | None] | None:
    """Range, mean and deviation of a target of floats; None for every other kind of target."""
    numbers = np.asarray(y)
    if numbers.dtype.kind != "f" or not numbers.size:
        return None
    with np.errstate(all="ignore"):
        mean = float(numbers.mean(dtype=np.float64))
        values = (float(numbers.min()), float(numbers.max()), mean, float(numbers.std(dtype=np.float64)))
    return {
        key: value if math.isfinite(value) else None
        for key, value in zip(("min", "max", "mean", "std"), values, strict=True)
    }


def plain(value: Any, depth: int = 0) -> Any:
    """A copy made of what JSON knows: numpy scalars as Python's, what is not finite as None, the rest as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if depth < 10:
        if isinstance(value, Mapping):
            return {
                key if type(key) is str and key.isascii() else describe_value(key)[0]: plain(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, (list, tuple)):
            return [plain(item, depth + 1) for item in value]
    return describe_value(value)[0]
