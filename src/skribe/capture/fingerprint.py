"""One short text that stands for the whole content of a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import xxhash

from skribe.capture import hashing, tables
from skribe.guard import attempt, hushed
from skribe.records import Note

_CONTAINERS = (list, tuple, dict, set, frozenset, range, str, bytes, bytearray, memoryview, np.generic)


def fingerprint(data: Any) -> str | None:
    """32 hex digits that change with any value, dtype, shape or name in `data`; None where there is no such thing.

    All of the content is read, in place and once. The same content gives the same digits in every process; for
    numpy arrays "the same" includes C or Fortran order. Iterators are not consumed, lazy frames not collected.
    """
    return fingerprint_or_note(data, "fingerprint", [])


def fingerprint_or_note(data: Any, what: str, notes: list[Note]) -> str | None:
    """As `fingerprint`; where there is none, the reason is added to `notes`."""
    if type(data) is np.ndarray and data.dtype.kind in "biuf":
        h = xxhash.xxh3_128()
        hashing.feed_array(h, data)
        return h.hexdigest()
    if data is None:
        return None
    with hushed():
        return attempt(what, notes, _fingerprint, data)


def _fingerprint(data: Any) -> str:
    h = xxhash.xxh3_128()
    if isinstance(data, (np.ndarray, *_CONTAINERS)):
        hashing.feed(h, data)
    elif not tables.feed_table(h, data):
        raise hashing.Unhashable(f"the content of a {type(data).__qualname__} is not known to skribe")
    return h.hexdigest()


def combine(*fingerprints: str | None) -> str | None:
    """One fingerprint for several data sets together; None as soon as one of them has none."""
    if None in fingerprints:
        return None
    return xxhash.xxh3_128_hexdigest(";".join(map(str, fingerprints)).encode())
