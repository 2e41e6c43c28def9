"""Hashing columns in the Arrow layout, as pyarrow and polars keep them.

A column may come in any number of chunks and begin anywhere in its buffers. What is fed is the same for all of
them: the values of its own rows, zero where there is none, and where that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xxhash

from skribe.capture.hashing import CHUNK_ROWS, Array, Hash, feed_array, feed_items, feed_raw, module_if_loaded


class _Running:
    """The running hashes of one column: its values, the lengths of its texts, its gaps."""

    __slots__ = ("gaps", "lengths", "values", "with_gaps")

    def __init__(self, with_gaps: bool) -> None:
        self.with_gaps = with_gaps
        self.values: Hash = xxhash.xxh3_128()
        self.lengths: Hash = xxhash.xxh3_128()
        self.gaps: Hash = xxhash.xxh3_128()

    def digest(self) -> bytes:
        return bytes(self.values.digest() + self.lengths.digest() + self.gaps.digest())


def feed_arrow(h: Hash, column: Any) -> None:
    """Feed a pyarrow Array or ChunkedArray; the same for the same rows, however they are chunked."""
    pyarrow = module_if_loaded("pyarrow")
    types, kind = pyarrow.types, column.type
    chunks = column.chunks if isinstance(column, pyarrow.ChunkedArray) else [column]
    if isinstance(kind, pyarrow.BaseExtensionType):
        chunks, kind = [chunk.storage for chunk in chunks], kind.storage_type
    if types.is_dictionary(kind):
        chunks, kind = _decoded(chunks), kind.value_type
        column = pyarrow.chunked_array(chunks, kind)
    text = types.is_string(kind) or types.is_large_string(kind)
    if str(kind) in {"string_view", "binary_view"}:
        text, chunks = str(kind) == "string_view", _cast(chunks, pyarrow, str(kind))
    h.update(f"{'text' if text else kind};{len(column)};{column.null_count};".encode("utf-8", "backslashreplace"))
    running = _Running(column.null_count > 0)
    if text or types.is_binary(kind) or types.is_large_binary(kind) or str(kind) == "binary_view":
        for chunk in chunks:
            _arrow_texts(running, chunk, pyarrow)
    elif types.is_boolean(kind):
        for part in _slices(chunks):
            _feed_gappy(running, part.fill_null(False).to_numpy(zero_copy_only=False), part)
    elif types.is_primitive(kind):
        for chunk in chunks:
            _arrow_numbers(running, chunk, kind.bit_width // 8)
    else:
        _feed_listed(h, column, "to_pylist")
    h.update(running.digest())


def _slices(chunks: list[Any]) -> Iterator[Any]:
    for chunk in chunks:
        for start in range(0, len(chunk), CHUNK_ROWS):
            yield chunk.slice(start, CHUNK_ROWS)


def _decoded(chunks: list[Any]) -> list[Any]:
    return [part.dictionary_decode() for part in _slices(chunks)]


def _cast(chunks: list[Any], pyarrow: Any, kind: str) -> list[Any]:
    plain = pyarrow.large_string() if kind == "string_view" else pyarrow.large_binary()
    return [part.cast(plain) for part in _slices(chunks)]


def _feed_listed(h: Hash, column: Any, method: str) -> None:
    """Columns of lists, structs and the like, through their Python values."""
    for start in range(0, len(column), CHUNK_ROWS):
        feed_items(h, getattr(column.slice(start, CHUNK_ROWS), method)())


def _feed_gappy(running: _Running, values: Array, part: Any) -> None:
    feed_raw(running.values, values)
    if running.with_gaps:
        feed_raw(running.gaps, np.asarray(part.is_null().to_numpy(zero_copy_only=False)))


def _arrow_numbers(running: _Running, chunk: Any, width: int) -> None:
    buffer = chunk.buffers()[1]
    if not len(chunk) or buffer is None:
        return
    data = np.frombuffer(buffer, np.uint8, len(chunk) * width, chunk.offset * width)
    if not running.with_gaps:
        running.values.update(data)
        return
    rows = data.reshape(-1, width)
    for start in range(0, len(chunk), CHUNK_ROWS):
        gaps = chunk.slice(start, CHUNK_ROWS).is_null().to_numpy(zero_copy_only=False)
        part = rows[start : start + CHUNK_ROWS].copy()
        part[gaps] = 0
        running.values.update(part)
        running.gaps.update(gaps)


def _arrow_texts(running: _Running, chunk: Any, pyarrow: Any) -> None:
    if not len(chunk):
        return
    wide = pyarrow.types.is_large_string(chunk.type) or pyarrow.types.is_large_binary(chunk.type)
    number: Any = np.dtype(np.int64 if wide else np.int32)
    _, positions, content = chunk.buffers()
    offsets = np.frombuffer(positions, number, len(chunk) + 1, chunk.offset * number.itemsize)
    if running.with_gaps and chunk.null_count:
        gaps = chunk.is_null().to_numpy(zero_copy_only=False)
        if (np.diff(offsets)[gaps] != 0).any():  # Allowed, if unusual: bytes that belong to no text.
            _arrow_texts(running, pyarrow.array(chunk.to_pylist(), chunk.type), pyarrow)
            return
        running.gaps.update(gaps)
    elif running.with_gaps:
        running.gaps.update(bytes(len(chunk)))
    for start in range(0, len(chunk), CHUNK_ROWS):
        running.lengths.update(np.diff(offsets[start : start + CHUNK_ROWS + 1]).astype(np.int64))
    if content is not None:
        running.values.update(memoryview(content)[int(offsets[0]) : int(offsets[-1])])


def feed_series(h: Hash, series: Any, polars: Any) -> None:
    """Feed a polars Series: name, type and rows."""
    dtype, count = series.dtype, series.null_count()
    feed_items(h, [series.name, str(dtype)])
    h.update(b"%d;%d;" % (len(series), count))
    if dtype == polars.Categorical or dtype == polars.Enum:
        series = series.cast(polars.String)
        dtype = series.dtype
    running = _Running(count > 0)
    if dtype.is_integer() or dtype.is_float() or dtype.is_temporal():
        for chunk in series.to_physical().get_chunks():
            _polars_numbers(running, chunk, 0)
    elif dtype == polars.Boolean:
        _polars_numbers(running, series, False, step=CHUNK_ROWS)
    elif dtype == polars.String:
        for start in range(0, len(series), CHUNK_ROWS):
            _polars_texts(running, series.slice(start, CHUNK_ROWS))
    else:
        _feed_listed(h, series, "to_list")
    h.update(running.digest())


def _polars_numbers(running: _Running, chunk: Any, filler: Any, step: int | None = None) -> None:
    if running.with_gaps:
        step = CHUNK_ROWS
    for start in range(0, len(chunk), step or max(len(chunk), 1)):
        part = chunk.slice(start, step) if step else chunk
        if running.with_gaps:
            feed_raw(running.gaps, part.is_null().to_numpy())
            part = part.fill_null(filler)
        feed_raw(running.values, part.to_numpy())


def _polars_texts(running: _Running, part: Any) -> None:
    # The rows joined, and their lengths: far cheaper than a Python string for each.
    lengths = part.str.len_bytes()
    if running.with_gaps:
        feed_raw(running.gaps, part.is_null().to_numpy())
        lengths = lengths.fill_null(0)
    feed_array(running.lengths, lengths.to_numpy())
    joined = part.str.join("").item()
    running.values.update((joined or "").encode())
