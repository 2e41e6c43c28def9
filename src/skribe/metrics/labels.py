"""Labels as small integers: what every classification metric works on, computed once.

scikit-learn's metric functions each look at the raw labels again (for 100 000 strings that is most of their time).
Here `y` is encoded once, and the dataset summary uses the same encoding.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Codes = NDArray[np.intp]

# Above this spread of the integers, counting into a table would cost more than sorting.
_TABLE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """One label per row: `classes[codes]` gives them back, `counts` says how often each class occurs.

    The classes are sorted and each occurs at least once. A negative code is a row without a label (semi-supervised).
    """

    classes: Array
    codes: Codes
    counts: NDArray[np.int64]


def as_array(values: Any) -> Array | None:
    """The values as a numpy array, a column vector as a flat one; None if numpy has no honest form for them."""
    array = _plain(values)
    if array is None or array.dtype.kind in "cVmM":
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array if array.ndim >= 1 else None


def _plain(values: Any) -> Array | None:
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    if values is None or isinstance(values, (str, bytes)):
        return None
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        rows, columns = values.shape
        return np.asarray(values.toarray()) if rows * columns <= 50_000_000 else None
    return _without_nullable(values)


def _without_nullable(values: Any) -> Array | None:
    """Nullable columns (pandas' Int64, boolean, Arrow) come out of `np.asarray` as objects: name the plain type."""
    dtypes = [values.dtype] if hasattr(values, "dtype") else list(getattr(values, "dtypes", ()))
    plain = [getattr(dtype, "numpy_dtype", None) for dtype in dtypes]
    to_numpy = getattr(values, "to_numpy", None)
    if to_numpy is not None and plain and all(isinstance(d, np.dtype) and d.kind in "biuf" for d in plain):
        try:
            return np.asarray(to_numpy(dtype=np.result_type(*plain)))
        except (TypeError, ValueError):
            return None  # It has missing values: scikit-learn would refuse it as well.
    try:
        return np.asarray(to_numpy() if to_numpy is not None else values)
    except ValueError:
        return None  # Rows of different lengths.


def encode(y: Any) -> Labels | None:
    """The labels in `y`, or None where `y` holds no single label per row (continuous, 2-d, missing or mixed)."""
    array = as_array(y)
    if array is None or array.ndim != 1:
        return None
    kind = array.dtype.kind
    if kind == "b":
        return _from_integers(array.view(np.uint8), np.dtype(bool))
    if kind in "iu":
        return _from_integers(array, array.dtype)
    if kind == "f":
        return _from_floats(array)
    if kind in "UT":
        return _from_strings(array)
    return _from_objects(array) if kind == "O" else None


def _from_integers(array: Array, dtype: np.dtype[Any]) -> Labels:
    if not array.size:
        return Labels(np.empty(0, dtype), np.empty(0, np.intp), np.empty(0, np.int64))
    low, high = int(array.min()), int(array.max())
    if high - low >= _TABLE or high > np.iinfo(np.intp).max:
        classes, codes, counts = np.unique(array, return_inverse=True, return_counts=True)
        return Labels(classes.astype(dtype), codes.reshape(-1).astype(np.intp), counts)
    shifted = array.astype(np.intp, copy=False)
    if low:
        shifted = shifted - low
    table = np.bincount(shifted)
    present = np.flatnonzero(table)
    if present.size == table.size:
        return Labels((present + low).astype(dtype), shifted, table)
    position = np.cumsum(table > 0) - 1
    return Labels((present + low).astype(dtype), position.take(shifted), table.take(present))


def _from_floats(array: Array) -> Labels | None:
    if not array.size:
        return None
    # Most continuous targets show it in their first rows: no need to read them all.
    if not (_whole(array[:64]) and _whole(array)):
        return None
    found = _from_integers(array.astype(np.int64), np.dtype(np.int64))
    return Labels(found.classes.astype(array.dtype), found.codes, found.counts)


def _whole(array: Array) -> bool:
    return bool(np.isfinite(array).all() and (np.abs(array) < 2**53).all() and (array == np.rint(array)).all())


def _from_strings(array: Array) -> Labels:
    pandas = sys.modules.get("pandas")
    if pandas is not None and array.size > 512 and hasattr(pandas, "factorize"):
        return _factorized(pandas, array.astype(object), array.dtype)
    classes, codes, counts = np.unique(array, return_inverse=True, return_counts=True)
    return Labels(classes, codes.reshape(-1).astype(np.intp, copy=False), counts)


def _factorized(pandas: Any, array: Array, dtype: np.dtype[Any]) -> Labels:
    codes, found = pandas.factorize(array)
    classes = np.asarray(found, dtype=object)
    order = np.argsort(classes, kind="stable")
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    codes = rank.take(codes)
    return Labels(classes[order].astype(dtype), codes, np.bincount(codes, minlength=order.size))


def _from_objects(array: Array) -> Labels | None:
    """Only strings: of other objects scikit-learn says that the label type is unknown."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and array.size > 64:
        if pandas.api.types.infer_dtype(array, skipna=False) != "string":
            return None
        return _factorized(pandas, array, array.dtype)
    if not all(isinstance(value, str) for value in array):
        return None
    classes, codes, counts = np.unique(array, return_inverse=True, return_counts=True)
    return Labels(classes, codes.reshape(-1).astype(np.intp, copy=False), counts)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The classes in the order of the estimator's columns, then those only the labels or predictions have."""

    classes: Array
    columns: int  # How many of the classes have a column in predict_proba.

    def __len__(self) -> int:
        return len(self.classes)


def space_of(columns: Array | None, *others: Array) -> Space | None:
    """All classes of one evaluation; None where they mix strings and numbers, which scikit-learn refuses."""
    parts = [part for part in (columns, *others) if part is not None and part.size]
    if not parts:
        return None
    first = parts[0]
    known = 0 if columns is None else columns.size
    if all(part is first or _same(first, part) for part in parts[1:]):
        return Space(first, known)
    if len({part.dtype.kind in "OUT" for part in parts}) > 1:
        return None
    seen: dict[Any, None] = {}
    for part in parts:
        seen.update(dict.fromkeys(part.tolist()))
    dtype = object if first.dtype.kind in "OUT" else np.result_type(*(part.dtype for part in parts))
    return Space(np.asarray(list(seen), dtype=dtype), known)


def _same(first: Array, second: Array) -> bool:
    if first.dtype.kind != second.dtype.kind and "O" not in first.dtype.kind + second.dtype.kind:
        return False
    return first.size == second.size and bool(np.all(first == second))


def recode(labels: Labels, space: Space) -> Codes:
    """The labels' codes in terms of `space`. Negative codes (no label) stay negative."""
    classes = labels.classes
    if classes.size <= len(space) and bool(np.all(space.classes[: classes.size] == classes)):
        return labels.codes
    where = {value: code for code, value in enumerate(space.classes.tolist())}
    table = np.fromiter((where[value] for value in classes.tolist()), np.intp, classes.size)
    codes = table.take(labels.codes)
    return cast("Codes", np.where(labels.codes < 0, labels.codes, codes))


def flat_classes(estimator: Any) -> Array | None:
    """`classes_` as a flat array; None where there is none, or one per output."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or (isinstance(classes, Sequence) and not isinstance(classes, (list, tuple))):
        return None
    if isinstance(classes, (list, tuple)) and any(isinstance(c, (list, tuple, np.ndarray)) for c in classes):
        return None
    array = np.asarray(classes)
    return array if array.ndim == 1 and array.dtype.kind in "biufUOT" else None
