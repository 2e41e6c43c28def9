"""Feeding values into a hash so that the digest stands for the content, in this process and in any other.

`feed` takes whatever it is given apart and raises `Unhashable` where no such digest exists. Everything is framed:
a kind, then the sizes, then the bytes, so that two different values never feed the same stream.
"""

from __future__ import annotations

import array
import datetime
import decimal
import fractions
import pickle
import sys
from collections.abc import Iterator, Sequence
from types import EllipsisType, NoneType
from typing import Any

import numpy as np
import xxhash

Array = np.ndarray[Any, Any]
Hash = Any  # xxhash.xxh3_128; the package's stubs do not name the streaming type in every version.

# A strided array is made contiguous piece by piece; a piece of this size stays in the processor's cache.
CHUNK_BYTES = 1 << 18
# Object columns are taken in runs of this many rows. The number is part of the digest: do not change it lightly.
CHUNK_ROWS = 1 << 16
_DEPTH = 40
_RAW_KINDS = frozenset("biufcmMSU")
_BUILTIN: frozenset[type] = frozenset({list, tuple, dict, set, frozenset, range, bytearray, memoryview})
_ATOMS: frozenset[type] = frozenset({
    str, int, float, bool, NoneType, bytes, complex, EllipsisType, decimal.Decimal, fractions.Fraction,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
})  # fmt: skip


class Unhashable(Exception):  # noqa: N818 - reads as what the value is
    """The value has no content that another process would recognise."""


def digest_of(value: Any) -> bytes:
    """The 16 bytes that stand for the content of one value."""
    h = xxhash.xxh3_128()
    feed(h, value)
    return h.digest()


def feed(h: Hash, value: Any, depth: int = 0) -> None:
    """Feed any value; raises `Unhashable` for what has no content to speak of."""
    if depth > _DEPTH:
        raise Unhashable("nested too deeply, or contains itself")
    kind = type(value)
    if kind in _ATOMS:
        _feed_pickled(h, value)
    elif issubclass(kind, np.ndarray):
        feed_array(h, value, depth)
    elif kind not in _BUILTIN and _feed_foreign(h, value):
        pass  # Asked before the containers: scipy's dictionary of keys is a dict, and more than one.
    elif issubclass(kind, (list, tuple)):
        _feed_sequence(h, value, depth)
    elif issubclass(kind, dict):
        h.update(b"dict;%d;" % len(value))
        feed_items(h, list(value.keys()), depth)
        feed_items(h, list(value.values()), depth)
    elif issubclass(kind, (set, frozenset)):
        h.update(b"set;%d;" % len(value))
        h.update(b"".join(sorted(map(digest_of, value))))
    elif kind is range:
        h.update(b"range;%d;%d;%d;" % (value.start, value.stop, value.step))
    elif issubclass(kind, (bytearray, memoryview, array.array)):
        view = memoryview(value)
        h.update(f"{kind.__qualname__};{view.format};{view.shape};".encode())
        h.update(view if view.c_contiguous else view.tobytes())
    else:
        h.update(b"object;")
        _feed_pickled(h, value, exact=True)


def _feed_foreign(h: Hash, value: Any) -> bool:
    """Tables, sparse matrices and tensors, each by the rules of its own library."""
    from skribe.capture import tables  # Imported here because it feeds its columns through this module.

    return tables.feed_table(h, value)


def _feed_sequence(h: Hash, value: Sequence[Any], depth: int) -> None:
    kind = type(value)
    name = kind.__qualname__ if kind not in (list, tuple) else kind.__name__
    h.update(f"{name};{len(value)};".encode("utf-8", "backslashreplace"))
    feed_items(h, list(value), depth)


def feed_items(h: Hash, items: list[Any], depth: int = 0) -> None:
    """Feed a list: in one go where it is made of plain values, else one by one."""
    types = set(map(type, items))
    if _plain(types):
        h.update(b"plain;")
        _feed_pickled(h, items)
        return
    # Rows of plain values, `[[5.1, 3.5], [4.9, 3.0]]`, are worth a pass of their own: it is how lists come as X.
    if types <= {list, tuple} and _plain({kind for row in items for kind in set(map(type, row))}):
        h.update(b"rows;")
        _feed_pickled(h, items)
        return
    h.update(b"mixed;%d;" % len(items))
    for item in items:
        feed(h, item, depth + 1)


def _plain(types: set[type]) -> bool:
    return all(
        kind in _ATOMS
        or (issubclass(kind, np.generic) and not issubclass(kind, np.void))
        or kind.__module__.startswith("pandas._libs.")
        for kind in types
    )


class _Sink:
    """A file, as far as a pickler is concerned, that hashes what is written."""

    __slots__ = ("write",)

    def __init__(self, h: Hash) -> None:
        self.write = h.update


class _Exact(pickle.Pickler):
    """Writes sets in an order that does not depend on the process, and arrays by content."""

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, (set, frozenset)):
            return ("set", type(obj).__qualname__, sorted(map(digest_of, obj)))
        if isinstance(obj, np.ndarray):
            return ("array", digest_of(obj))
        return None


def _feed_pickled(h: Hash, value: Any, exact: bool = False) -> None:
    # `fast` writes no memo: what is written depends on what the values are, not on which of them are one object.
    try:
        pickler = (_Exact if exact else pickle.Pickler)(_Sink(h), protocol=5)
        pickler.fast = True
        pickler.dump(value)
    except Exception as error:
        # Whatever the object raises when asked for its state, the answer is the same: it has no content for us.
        raise Unhashable(f"{type(value).__qualname__} cannot be read as plain content") from error


def feed_array(h: Hash, value: Array, depth: int = 0) -> None:
    """Feed a numpy array: dtype, shape and every element. A Fortran-ordered one is fed as it lies, and says so."""
    if isinstance(value, np.ma.MaskedArray):
        mask = value.mask
        h.update(b"masked;")
        feed_array(h, value.data, depth)
        feed_array(h, np.asarray(mask if np.any(mask) else False))
        return
    data = np.asarray(value)
    dtype = data.dtype
    if dtype.names is not None:
        # Field by field, because the bytes between the fields belong to nobody.
        h.update(f"fields;{dtype.str};{data.shape};{dtype.names!r};".encode("utf-8", "backslashreplace"))
        for field in dtype.names:
            feed_array(h, data[field], depth)
        return
    flags = data.flags
    layout = "F" if flags.f_contiguous and not flags.c_contiguous and dtype.kind != "O" else "C"
    name = dtype.str if dtype.kind != "V" else f"{dtype.str},{dtype.name}"
    h.update(f"array;{name};{data.shape};{layout};".encode())
    if dtype.hasobject or not (dtype.kind in _RAW_KINDS or dtype.kind == "V"):
        flat = data.flat
        for start in range(0, data.size, CHUNK_ROWS):
            feed_items(h, flat[start : start + CHUNK_ROWS].tolist(), depth + 1)
        return
    feed_raw(h, data.T if layout == "F" else data)


def feed_raw(h: Hash, data: Array) -> None:
    """Feed the bytes of the elements in C order, in place where they lie so, else by pieces."""
    if not data.nbytes:
        return
    if _padded(data.dtype):
        for piece in contiguous_pieces(data):
            h.update(np.ascontiguousarray(as_bytes(piece).reshape(-1, data.dtype.itemsize)[:, :10]))
    elif data.flags.c_contiguous:
        h.update(as_bytes(data))
    else:
        for piece in contiguous_pieces(data):
            h.update(as_bytes(piece))


def as_bytes(data: Array) -> Array:
    """A contiguous array seen as its bytes; works where the buffer protocol does not, as for dates."""
    return data.reshape(-1).view(np.uint8)


def contiguous_pieces(data: Array) -> Iterator[Array]:
    """The array in C order, as contiguous pieces of bounded size."""
    if data.nbytes <= CHUNK_BYTES or data.ndim == 0:
        yield np.ascontiguousarray(data)
        return
    row_bytes = data.nbytes // len(data)
    if row_bytes > CHUNK_BYTES:
        for row in data:
            yield from contiguous_pieces(row)
        return
    step = max(1, CHUNK_BYTES // row_bytes)
    for start in range(0, len(data), step):
        yield np.ascontiguousarray(data[start : start + step])


def _padded(dtype: np.dtype[Any]) -> bool:
    """Whether the elements are the 80-bit floats of x86, whose last six bytes hold whatever was there before."""
    return dtype.kind == "f" and dtype.itemsize == 16 and np.finfo(dtype).nmant == 63


def module_if_loaded(name: str) -> Any:
    """The module, if the user's code has loaded it; we load nothing on their behalf."""
    return sys.modules.get(name)
