"""Rows of whatever holds rows: counting them, and taking some without converting the rest."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20_240_601


def count_rows(X: Any) -> int | None:
    """How many rows `X` has; None if it does not say."""
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple) and shape and isinstance(shape[0], (int, np.integer)):
        return int(shape[0])
    try:
        return len(X)
    except TypeError:
        return None


def count_columns(X: Any) -> int:
    """How many values a row of `X` has, on average if it is sparse; 1 if it does not say."""
    shape = getattr(X, "shape", None)
    if not (isinstance(shape, tuple) and len(shape) >= 2):
        return 1
    stored = getattr(X, "nnz", None)
    if isinstance(stored, (int, np.integer)) and shape[0]:
        return max(1, int(stored) // int(shape[0]))
    return max(1, int(shape[1]))


def pick(n: int, size: int) -> NDArray[np.intp]:
    """`size` of `n` row numbers, sorted, always the same ones. No global random state is involved."""
    if size >= n:
        return np.arange(n)
    chosen = np.random.default_rng(SEED).choice(n, size=size, replace=False, shuffle=False)
    chosen.sort()
    return np.asarray(chosen, dtype=np.intp)


def take_rows(X: Any, rows: NDArray[np.intp]) -> Any:
    """Those rows of `X`, in the type of `X`."""
    if isinstance(X, np.ndarray):
        return X[rows]
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, (list, tuple)):
        return [X[row] for row in rows]
    if hasattr(X, "tocsr"):
        return _sparse_rows(X, rows)
    if type(X).__module__.partition(".")[0] == "pyarrow":
        return X.take(rows)
    return X[rows]


# Up to so many bytes a copy is taken for granted.
_COPIED = 16_000_000


def lent(X: Any) -> Any:
    """`X` for code that may write into it: small data as a copy, large arrays read-only, so that writing raises."""
    if isinstance(X, np.ndarray):
        if X.nbytes <= _COPIED and not X.dtype.hasobject:
            return X.copy(order="K")
        view = X.view()
        view.flags.writeable = False
        return view
    if isinstance(X, list):
        return [dict(row) if type(row) is dict else list(row) if type(row) is list else row for row in X]
    if hasattr(X, "iloc"):
        # From pandas 3 on a shallow copy is as good as a deep one: what is written goes to the copy.
        lazily = int(sys.modules["pandas"].__version__.partition(".")[0]) >= 3
        return X.copy(deep=not lazily)
    return X.copy() if hasattr(X, "tocsr") else X


def once_only(X: Any) -> str | None:
    """Why `X` cannot be looked at a second time: an iterator, or a collection of iterators or open files."""
    if isinstance(X, np.ndarray) and X.dtype.kind != "O":
        return None
    rewinds = hasattr(X, "shape") or hasattr(type(X), "__getitem__") or not hasattr(type(X), "__iter__")
    if iter_is_itself(X) or not rewinds:
        return "X can be read only once"
    first = X[0] if isinstance(X, (list, tuple)) and X else None
    if first is not None and not isinstance(first, (str, bytes)) and (hasattr(first, "read") or iter_is_itself(first)):
        return f"the rows of X can be read only once: {type(first).__name__}"
    return None


def iter_is_itself(value: Any) -> bool:
    """Whether the value is an iterator, which is used up by looking at it."""
    return hasattr(type(value), "__next__") and hasattr(type(value), "__iter__")


def _sparse_rows(X: Any, rows: NDArray[np.intp]) -> Any:
    if X.format == "coo":
        # Turning the whole matrix into CSR would copy it; this touches the row numbers only.
        position = np.full(X.shape[0], -1, dtype=np.intp)
        position[rows] = np.arange(rows.size)
        new = position.take(X.row)
        kept = np.flatnonzero(new >= 0)
        cells = (X.data[kept], (new[kept], X.col[kept]))
        return type(X)(cells, shape=(rows.size, X.shape[1]))
    if X.format in ("bsr", "dia"):
        return X.tocsr()[rows]
    return X[rows]
