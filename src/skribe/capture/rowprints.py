"""How many rows of one data set are rows of another, told by a number for each row. No row itself is kept."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skribe.guard import attempt

_CELLS = 20_000_000
_SMALL = ("int8", "int16", "int32", "uint8", "uint16", "uint32")
_EXACT = 2**53  # larger whole numbers are not told apart as floats
_BLOCK = 32_768
_SEED = 20_240_601
_MIX = np.uint64(0xC2B2AE3D27D4EB4F)


class RowPrints(NamedTuple):
    """A number for each row; equal rows have equal ones."""

    kind: str  # only those of one kind can be compared
    prints: NDArray[np.uint64]


def row_prints(X: Any) -> RowPrints | None:
    """A number for each row of a table; None where it has too many values, or they cannot be read."""
    return attempt("rows", [], _prints, X)


def shared_rows(scored: RowPrints, trained: RowPrints) -> int | None:
    """How many of the scored rows are among the trained ones; None where they cannot be compared."""
    if scored.kind != trained.kind:
        return None
    return int(np.isin(scored.prints, trained.prints).sum())


def _prints(X: Any) -> RowPrints | None:
    shape = getattr(X, "shape", None)
    if isinstance(X, list) and X and isinstance(X[0], list | tuple) and len(X) * len(X[0]) <= 100_000:
        X = np.asarray(X)
        shape = X.shape
    if not shape or len(shape) != 2 or shape[0] * shape[1] > _CELLS or 0 in shape:
        return None
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "biuf" or (X.dtype.kind in "iu" and int(np.abs(X).max()) > _EXACT):
            return None
        return _of_numbers(X)
    if type(X).__module__.partition(".")[0] == "pandas":
        return _of_frame(X)
    return None


def _of_frame(X: Any) -> RowPrints | None:
    if all(getattr(dtype, "kind", "O") in "bf" or dtype in _SMALL for dtype in X.dtypes):
        return _of_numbers(X.to_numpy(dtype=np.float64, na_value=np.nan))
    import pandas as pd

    return RowPrints("frame", pd.util.hash_pandas_object(X, index=False).to_numpy().astype(np.uint64))


def _of_numbers(array: NDArray[Any]) -> RowPrints:
    weights = _weights(array.shape[1])
    prints = np.empty(len(array), dtype=np.uint64)
    step = max(1, _BLOCK // array.shape[1])  # so many rows stay in the processor's cache
    for at in range(0, len(array), step):
        # As float64, and zero without its sign: what is equal is to look the same.
        bits = (array[at : at + step].astype(np.float64, order="C") + 0.0).view(np.uint64)
        # Small whole numbers differ in their highest bits only: each is stirred before they are added up.
        bits ^= bits >> np.uint64(29)
        bits *= _MIX
        bits ^= bits >> np.uint64(32)
        prints[at : at + step] = bits @ weights
    return RowPrints("numbers", prints)


@functools.lru_cache(maxsize=32)
def _weights(columns: int) -> NDArray[np.uint64]:
    return np.random.default_rng(_SEED).integers(1 << 62, size=columns, dtype=np.uint64) | np.uint64(1)
