"""Counting gaps: NaN, None, NaT, NA. Cheap where there are none, and never with a mask as large as the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.capture.hashing import CHUNK_ROWS, Array, contiguous_pieces, module_if_loaded
from skribe.capture.tables import columns_of_frame


def missing_count(data: Any) -> int | None:
    """How many values are missing; None for a kind of data for which skribe does not know."""
    if isinstance(data, np.ndarray):
        return _in_array(data)
    if isinstance(data, (list, tuple)):
        return _in_list(data, 0)
    for name, counter in _LIBRARIES:
        library = module_if_loaded(name)
        if library is not None:
            count = counter(data, library)
            if count is not None:
                return count
    return None


def _in_array(data: Array) -> int | None:
    kind = data.dtype.kind
    if kind in "biuSU" or not data.size:
        return 0
    if kind in "fc":
        return _nans(data)
    if kind in "mM":
        return sum(int(np.count_nonzero(np.isnat(piece))) for piece in contiguous_pieces(data))
    if kind == "O":
        flat = data.flat
        return sum(_in_objects(flat[start : start + CHUNK_ROWS]) for start in range(0, data.size, CHUNK_ROWS))
    return None


def _nans(data: Array) -> int:
    """One pass that only adds up: the sum is finite when every value is, and nearly always that is the end of it."""
    if not data.size:
        return 0
    with np.errstate(all="ignore"):
        if np.isfinite(np.add.reduce(data, axis=None)):
            return 0
        return sum(int(np.count_nonzero(np.isnan(piece))) for piece in contiguous_pieces(data))


def _in_objects(items: Array) -> int:
    pandas = module_if_loaded("pandas")
    if pandas is not None:
        return int(np.count_nonzero(pandas.isna(items)))
    return sum(1 for item in items.tolist() if _is_gap(item))


def _is_gap(item: Any) -> bool:
    return item is None or (isinstance(item, (float, np.floating)) and bool(item != item))


def _in_list(items: Any, depth: int) -> int | None:
    types = set(map(type, items))
    if types <= {int, str, bool, bytes}:
        return 0
    if types & {list, tuple} and depth < 3:
        counts = [_in_list(item, depth + 1) if type(item) in (list, tuple) else int(_is_gap(item)) for item in items]
        return None if None in counts else sum(map(int, counts))  # type: ignore[arg-type]
    if any(issubclass(kind, np.ndarray) for kind in types):
        return None
    return sum(1 for item in items if _is_gap(item))


def _in_pandas(data: Any, pandas: Any) -> int | None:
    if isinstance(data, pandas.DataFrame):
        return sum(_in_column(column) for column in _blocks(data))
    if isinstance(data, pandas.Series):
        return _in_column(data.array)
    if isinstance(data, pandas.Index):
        return 0 if isinstance(data, (pandas.RangeIndex, pandas.MultiIndex)) else _in_column(data.array)
    return None


def _blocks(frame: Any) -> Any:
    """The columns, several at a time where pandas keeps them together."""
    blocks = getattr(getattr(frame, "_mgr", None), "blocks", None)
    return columns_of_frame(frame) if blocks is None else (block.values for block in blocks)


def _in_column(column: Any) -> int:
    if isinstance(column, np.ndarray):
        return _in_array(column) or 0
    if type(column).__name__ in {"NumpyExtensionArray", "PandasArray"}:
        return _in_array(column.to_numpy()) or 0
    mask = getattr(column, "_mask", None)
    if isinstance(mask, np.ndarray):
        return int(np.count_nonzero(mask))
    arrow = getattr(column, "_pa_array", None)
    if arrow is not None:
        return int(arrow.null_count)
    return int(np.count_nonzero(column.isna()))


def _in_sparse(data: Any, sparse: Any) -> int | None:
    if not sparse.issparse(data):
        return None
    values = data.tocoo().data if data.format in {"lil", "dok"} else data.data
    return _in_array(np.asarray(values))


def _in_pyarrow(data: Any, pyarrow: Any) -> int | None:
    if isinstance(data, (pyarrow.Table, pyarrow.RecordBatch)):
        return sum(_in_arrow(column) for column in data.columns)
    if isinstance(data, (pyarrow.Array, pyarrow.ChunkedArray)):
        return _in_arrow(data)
    return None


def _in_arrow(column: Any) -> int:
    count = int(column.null_count)
    if str(column.type) not in {"halffloat", "float", "double"}:
        return count
    # Seen through numpy a null is a NaN too, so that one count finds both.
    starts = range(0, len(column), CHUNK_ROWS)
    return sum(_nans(np.asarray(column.slice(start, CHUNK_ROWS).to_numpy())) for start in starts)


def _in_polars(data: Any, polars: Any) -> int | None:
    if isinstance(data, polars.DataFrame):
        return sum(_in_series(column) for column in data.get_columns())
    return _in_series(data) if isinstance(data, polars.Series) else None


def _in_series(series: Any) -> int:
    count = int(series.null_count())
    if series.dtype.is_float():
        count += int(series.is_nan().sum() or 0)
    return count


_LIBRARIES = (
    ("pandas", _in_pandas),
    ("scipy.sparse", _in_sparse),
    ("pyarrow", _in_pyarrow),
    ("polars", _in_polars),
)
