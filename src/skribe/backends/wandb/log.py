"""The file in which W&B writes an offline run down, and how to know that it is complete.

`finish()` returns when W&B's own process has been told to close the file, not when it has.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skribe.errors import Unreachable

_MAGIC = b":W&B"
_BLOCK = 32768
_HEAD = 7  # of the file, and of each piece in it: checksum, length, type
_WHOLE, _FIRST, _LAST = 1, 2, 4
_PAUSE = 0.004


def wait_until_complete(path: Path, seconds: float) -> None:
    """Return when the file has the record that ends the run. Raises `Unreachable` if it does not come."""
    deadline = time.monotonic() + seconds
    size = -1
    while True:
        now = path.stat().st_size if path.exists() else 0
        if now != size and has_ended(path):
            return
        size = now
        if time.monotonic() > deadline:
            raise Unreachable(f"W&B has not written the run to {path} within {seconds:.0f} seconds")
        time.sleep(_PAUSE)


def has_ended(path: Path) -> bool:
    """Whether the end of the run is in the file."""
    from wandb.proto import wandb_internal_pb2

    made: Any = wandb_internal_pb2

    kinds = []
    for data in records(path):
        record = made.Record()
        record.ParseFromString(data)
        kinds.append(record.WhichOneof("record_type"))
    return "exit" in kinds


def records(path: Path) -> Iterator[bytes]:
    """The records that are in the file so far. The format is that of LevelDB's logs: a record may lie in pieces."""
    data = path.read_bytes() if path.exists() else b""
    if not data.startswith(_MAGIC):
        return
    place, part = _HEAD, b""
    while place + _HEAD <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEAD:
            place += left
            continue
        _checksum, length, kind = struct.unpack_from("<IHB", data, place)
        body = data[place + _HEAD : place + _HEAD + length]
        if kind == 0 or len(body) < length:
            return
        place += _HEAD + length
        part = body if kind in (_WHOLE, _FIRST) else part + body
        if kind in (_WHOLE, _LAST):
            yield part
