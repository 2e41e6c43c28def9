"""What goes into a model and what comes out of it, as MLflow writes it down.

Only the types are told, by the containers' own word for them; of a column of objects the first values are looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

_FIRST: Final = 20
_INTEGERS: Final = {"Int8": "integer", "Int16": "integer", "Int32": "integer", "Int64": "long"}
_POLARS: Final = {
    **_INTEGERS, "UInt8": "integer", "UInt16": "integer", "UInt32": "long", "Float32": "float", "Float64": "double",
    "Boolean": "boolean", "String": "string", "Utf8": "string", "Categorical": "string", "Enum": "string",
    "Date": "datetime", "Datetime": "datetime", "Binary": "binary",
}  # fmt: skip


class Signature(NamedTuple):
    """The inputs and the outputs, each as the JSON text of an MLflow schema."""

    inputs: str | None
    outputs: str | None


def signature_of(X: Any, output: Any | None) -> Signature | None:
    """The signature of a model that was fitted on `X` and gives `output`; None if it cannot be told."""
    try:
        inputs = _schema(X)
        outputs = _schema(output) if output is not None else None
    except Exception:  # noqa: BLE001 - whatever a container answers, a signature is worth no trouble
        return None
    return Signature(inputs, outputs) if inputs is not None else None


def _schema(data: Any) -> str | None:
    fields = _fields(data)
    return json.dumps(fields, ensure_ascii=False) if fields is not None else None


def _fields(data: Any) -> list[dict[str, Any]] | None:
    if isinstance(data, np.ndarray):
        return _tensor(data.dtype, data.shape)
    if (pandas := loaded("pandas")) is not None:
        if isinstance(data, pandas.DataFrame):
            return _of_frame(data)
        if isinstance(data, (pandas.Series, pandas.Index)):
            return _of_column(data.dtype)
    if (polars := loaded("polars")) is not None:
        if isinstance(data, polars.DataFrame):
            return [_column(_POLARS.get(str(kind).partition("(")[0]), name) for name, kind in data.schema.items()]
        if isinstance(data, polars.Series):
            return _of_column(data.head(1).to_numpy().dtype)
    if is_sparse(data):
        return _tensor(data.dtype, data.shape)
    if isinstance(data, (list, tuple)) and data:
        return _of_list(data[:_FIRST])
    return None


def loaded(name: str) -> Any:
    """The module, if the user's code has loaded it."""
    return sys.modules.get(name)


def is_sparse(data: Any) -> bool:
    """Whether it is one of scipy's sparse matrices or arrays."""
    return type(data).__module__.startswith("scipy.sparse") and hasattr(data, "tocsr")


def _tensor(dtype: Any, shape: Iterable[int]) -> list[dict[str, Any]] | None:
    rest = tuple(shape)[1:]
    kind = {"U": "str", "S": "bytes"}.get(dtype.kind, dtype.name)
    if dtype.kind not in "biufcmMUSO":
        return None
    return [{"type": "tensor", "tensor-spec": {"dtype": kind, "shape": [-1, *map(int, rest)]}}]


def _of_column(dtype: Any) -> list[dict[str, Any]] | None:
    """One column by itself: texts, or the labels that a model gives."""
    if not isinstance(dtype, np.dtype):
        dtype = getattr(dtype, "numpy_dtype", None) or np.dtype(object)
    return _tensor(dtype if isinstance(dtype, np.dtype) else np.dtype(object), (0,))


def _of_list(first: Any) -> list[dict[str, Any]] | None:
    if all(isinstance(value, str) for value in first):
        return _tensor(np.dtype("U"), (0,))
    if any(isinstance(value, dict) for value in first):
        return None
    rows = np.asarray(first)
    return _tensor(rows.dtype, rows.shape) if rows.dtype.kind != "O" else None


def _of_frame(frame: Any) -> list[dict[str, Any]] | None:
    names = list(frame.columns)
    dtypes = list(frame.dtypes)
    if all(isinstance(name, str) for name in names):
        if len(set(names)) < len(names):
            return None
        return [
            _column(_kind(frame, at, dtype), name) for at, (name, dtype) in enumerate(zip(names, dtypes, strict=True))
        ]
    first = dtypes[0]
    if isinstance(first, np.dtype) and first.kind in "biuf" and all(dtype == first for dtype in dtypes):
        return _tensor(first, frame.shape)
    return [_column(_kind(frame, at, dtype), None) for at, dtype in enumerate(dtypes)]


def _column(kind: str | None, name: str | None) -> dict[str, Any]:
    column: dict[str, Any] = {"type": kind or "any"}
    if name is not None:
        column["name"] = name
    return {**column, "required": True}


def _kind(frame: Any, at: int, dtype: Any) -> str | None:
    """MLflow's word for the type of a pandas column; None if it has no word that would hold."""
    if not isinstance(dtype, np.dtype):
        return "string" if type(dtype).__name__ == "StringDtype" else None
    if dtype.kind == "O":
        return _of_objects(frame.iloc[:_FIRST, at])
    return of_dtype(dtype)


def of_dtype(dtype: np.dtype[Any]) -> str | None:
    """MLflow's word for a numpy type."""
    size = dtype.itemsize
    if dtype.kind == "i":
        return "integer" if size <= 4 else "long"
    if dtype.kind == "u":
        return "integer" if size < 4 else "long" if size < 8 else None
    if dtype.kind == "f":
        return "float" if size <= 4 else "double" if size == 8 else None
    return {"b": "boolean", "M": "datetime"}.get(dtype.kind)


def _of_objects(values: Iterable[Any]) -> str | None:
    kinds = {type(value) for value in values if value is not None and value == value}
    for kind, word in ((str, "string"), (bytes, "binary"), (bool, "boolean")):
        if kinds == {kind}:
            return word
    return None
