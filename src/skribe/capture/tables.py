"""Hashing the tables of other libraries in place: pandas, scipy.sparse and tensors here, Arrow and polars beside.

A frame is hashed column by column: the digests of the columns are what is fed. So it does not matter how pandas
has laid the columns out in memory, which changes with every copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xxhash

from skribe.capture.hashing import (
    CHUNK_ROWS,
    Array,
    Hash,
    Unhashable,
    feed,
    feed_array,
    feed_items,
    feed_raw,
    module_if_loaded,
)

_TENSORS = frozenset({"torch", "jax", "jaxlib", "tensorflow"})
_BLOCK_BYTES = 1 << 19
_GROUP = 16


def feed_table(h: Hash, value: Any) -> bool:
    """Feed a table of a library that the user has loaded; False if it is none of those."""
    for name, feeder in _LIBRARIES:
        library = module_if_loaded(name)
        if library is not None and feeder(h, value, library):
            return True
    kind = type(value)
    if hasattr(kind, "__array_interface__") or kind.__module__.partition(".")[0] in _TENSORS:
        h.update(kind.__qualname__.encode())
        feed_array(h, np.asarray(value))
        return True
    return False


def _feed_pandas(h: Hash, value: Any, pandas: Any) -> bool:
    if isinstance(value, pandas.DataFrame):
        _feed_frame(h, value)
    elif isinstance(value, pandas.Series):
        h.update(b"series;")
        feed_items(h, [value.name])
        feed_index(h, value.index)
        _feed_column(h, value.array)
    elif isinstance(value, pandas.Index):
        feed_index(h, value)
    elif isinstance(value, pandas.api.extensions.ExtensionArray):
        h.update(b"extension;")
        _feed_column(h, value)
    else:
        return False
    return True


def _feed_frame(h: Hash, frame: Any) -> None:
    rows, width = frame.shape
    h.update(b"frame;%d;%d;" % (rows, width))
    _feed_names(h, frame.columns)
    feed_index(h, frame.index)
    dtypes = list(frame.dtypes)
    # By identity, since hashing a categorical dtype means hashing its categories.
    texts = {key: str(dtype) for key, dtype in {id(dtype): dtype for dtype in dtypes}.items()}
    h.update(";".join([texts[id(dtype)] for dtype in dtypes]).encode("utf-8", "backslashreplace"))
    block = _single_block(frame, dtypes)
    if block is not None:
        _feed_block(h, block)
        return
    for column in columns_of_frame(frame):
        if isinstance(column, np.ndarray) and column.dtype.kind in "biufc" and column.flags.c_contiguous:
            h.update(xxhash.xxh3_128_digest(column))  # type: ignore[arg-type]
        else:
            inner = xxhash.xxh3_128()
            _feed_column_values(inner, column)
            h.update(inner.digest())


def _feed_names(h: Hash, columns: Any) -> None:
    h.update(type(columns).__name__.encode() if columns.nlevels > 1 else b"Index")
    feed_items(h, list(columns.names))
    feed_items(h, columns.tolist())


def _single_block(frame: Any, dtypes: list[Any]) -> Array | None:
    """The frame as one two-dimensional array, if it is one already; no copy is ever made for it."""
    if not dtypes or not frame.shape[0]:
        return None
    first = dtypes[0]
    manager = getattr(frame, "_mgr", None)  # Not public: without it the columns are taken one by one.
    if not (isinstance(first, np.dtype) and first.kind in "biufc" and getattr(manager, "is_single_block", False)):
        return None
    block = frame.to_numpy()
    return block if isinstance(block, np.ndarray) and block.dtype == first else None


def _feed_block(h: Hash, block: Array) -> None:
    """Feed the digest of every column of a two-dimensional array, whatever its memory order."""
    rows, width = block.shape
    if rows == 1 or block.strides[0] == block.itemsize:
        for column in block.T:
            h.update(xxhash.xxh3_128_digest(column))
        return
    column_bytes = rows * block.itemsize
    if column_bytes * _GROUP <= _BLOCK_BYTES:
        # Short columns: a group of whole ones is turned at a time.
        group = max(_BLOCK_BYTES // column_bytes, _GROUP)
        for start in range(0, width, group):
            for column in np.ascontiguousarray(block[:, start : start + group].T):
                h.update(xxhash.xxh3_128_digest(column))
        return
    # Long ones lie row by row in memory: turned in tiles that stay in the cache, into one running hash per column.
    hashes = [xxhash.xxh3_128() for _ in range(width)]
    step = min(max(_BLOCK_BYTES // (width * block.itemsize), 64), 4096)
    turned = np.empty((width, min(step, rows)), block.dtype)
    for start in range(0, rows, step):
        tile = block[start : start + step]
        part = turned[:, : len(tile)]
        part[...] = tile.T
        for running, column in zip(hashes, part, strict=True):
            running.update(column)
    for running in hashes:
        h.update(running.digest())


def columns_of_frame(frame: Any) -> Iterator[Any]:
    """The columns as arrays, without a Series around each."""
    iterate = getattr(frame, "_iter_column_arrays", None)  # Not public, and ten times faster than what is.
    if iterate is not None:
        yield from iterate()
    else:
        for position in range(frame.shape[1]):
            yield frame.iloc[:, position].array


def feed_index(h: Hash, index: Any) -> None:
    """Feed row labels; the usual ones, 0 to n, cost nothing."""
    kind = type(index).__name__
    h.update(f"{kind};{len(index)};".encode())
    feed_items(h, list(index.names))
    if kind == "RangeIndex":
        h.update(b"%d;%d;%d;" % (index.start, index.stop, index.step))
    elif kind == "MultiIndex":
        used = index.remove_unused_levels()
        for level, codes in zip(used.levels, used.codes, strict=True):
            _feed_column(h, level.array)
            feed_array(h, np.asarray(codes, np.int64))
    else:
        _feed_column(h, index.array)


def _feed_column(h: Hash, column: Any) -> None:
    h.update(f"{column.dtype};{len(column)};".encode("utf-8", "backslashreplace"))
    _feed_column_values(h, column)


def _feed_column_values(h: Hash, column: Any) -> None:
    kind = type(column).__name__
    if isinstance(column, np.ndarray):
        _feed_numpy_column(h, column)
    elif kind in {"NumpyExtensionArray", "PandasArray"}:
        _feed_numpy_column(h, column.to_numpy())
    elif kind == "Categorical":
        h.update(b"%d;" % bool(column.ordered))
        feed_index(h, column.categories)
        feed_array(h, np.asarray(column.codes))
    elif hasattr(column, "asi8"):
        feed_raw(h, column.asi8)
    elif isinstance(getattr(column, "_mask", None), np.ndarray):
        _feed_nullable(h, column._data, column._mask)
    elif _is_arrow(column):
        from skribe.capture.columns import feed_arrow

        feed_arrow(h, column.__arrow_array__())
    elif kind == "IntervalArray":
        feed_index(h, column.left)
        feed_index(h, column.right)
    elif kind == "SparseArray":
        feed(h, column.fill_value)
        feed_array(h, column.sp_index.indices if hasattr(column.sp_index, "indices") else _positions(column))
        feed_array(h, np.asarray(column.sp_values))
    else:
        for start in range(0, len(column), CHUNK_ROWS):
            feed_items(h, np.asarray(column[start : start + CHUNK_ROWS], dtype=object).tolist())


def _positions(column: Any) -> Array:
    return np.asarray(column.sp_index.to_int_index().indices)


def _feed_numpy_column(h: Hash, column: Array) -> None:
    if column.dtype.kind in "biufcmM":
        feed_raw(h, column)
    else:
        feed_array(h, column)


def _is_arrow(column: Any) -> bool:
    return hasattr(column, "__arrow_array__") and hasattr(column, "_pa_array")


def _feed_nullable(h: Hash, data: Array, mask: Array) -> None:
    """Values with a mask beside them. What lies under the mask is nobody's value, so it is fed as zero."""
    feed_array(h, mask)
    if not mask.any():
        feed_raw(h, data)
        return
    for start in range(0, len(data), CHUNK_ROWS):
        part = data[start : start + CHUNK_ROWS].copy()
        part[mask[start : start + CHUNK_ROWS]] = 0
        feed_raw(h, part)


def _feed_sparse(h: Hash, value: Any, sparse: Any) -> bool:
    if not sparse.issparse(value):
        return False
    form = value.format
    h.update(f"sparse;{form};{value.dtype.str};{value.shape};".encode())
    if form == "dok":
        value = value.tocoo()
        order = np.lexsort(value.coords)
        for part in (*value.coords, value.data):
            feed_array(h, part[order])
        return True
    parts = _SPARSE_PARTS.get(form)
    if parts is None:
        raise Unhashable(f"sparse format {form!r}")
    for name in parts:
        part = getattr(value, name)
        for piece in part if isinstance(part, tuple) else (part,):
            feed_array(h, np.asarray(piece))
    return True


_SPARSE_PARTS = {
    "csr": ("indptr", "indices", "data"),
    "csc": ("indptr", "indices", "data"),
    "bsr": ("indptr", "indices", "data"),
    "coo": ("coords", "data"),
    "dia": ("offsets", "data"),
    "lil": ("rows", "data"),
}


def _feed_pyarrow(h: Hash, value: Any, pyarrow: Any) -> bool:
    from skribe.capture.columns import feed_arrow

    if isinstance(value, pyarrow.RecordBatch):
        value = pyarrow.Table.from_batches([value])
    if isinstance(value, pyarrow.Table):
        h.update(b"arrow table;%d;%d;" % value.shape)
        feed_items(h, list(value.schema.names))
        feed_items(h, [str(kind) for kind in value.schema.types])
        for column in value.columns:
            feed_arrow(h, column)
    elif isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)):
        h.update(f"arrow;{value.type};".encode("utf-8", "backslashreplace"))
        feed_arrow(h, value)
    else:
        return False
    return True


def _feed_polars(h: Hash, value: Any, polars: Any) -> bool:
    from skribe.capture.columns import feed_series

    if isinstance(value, polars.DataFrame):
        h.update(b"polars;%d;%d;" % value.shape)
        for column in value.get_columns():
            feed_series(h, column, polars)
    elif isinstance(value, polars.Series):
        h.update(b"polars series;")
        feed_series(h, value, polars)
    elif isinstance(value, polars.LazyFrame):
        raise Unhashable("a lazy frame has no content before it is collected")
    else:
        return False
    return True


_LIBRARIES = (
    ("pandas", _feed_pandas),
    ("scipy.sparse", _feed_sparse),
    ("pyarrow", _feed_pyarrow),
    ("polars", _feed_polars),
)
