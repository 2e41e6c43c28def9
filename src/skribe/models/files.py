"""Writing the files of a model, each with the digest of what was written."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from skribe.models.errors import TooLarge

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Below this size a thread costs more than it spares.
_THREADED: Final = 2 << 20
# How much may wait to be hashed, so that the waiting bytes never become a second copy of the model.
_WAITING: Final = 8 << 20


class File(NamedTuple):
    """A file that was written."""

    name: str  # relative to the folder, with forward slashes
    size: int
    digest: str  # `sha256:` and the hexadecimal digest


def create(path: str | Path) -> int:
    """Open a file that is not there yet."""
    return os.open(path, _NEW, 0o666)


def write_file(folder: Path, name: str, content: bytes) -> File:
    """Write a small file in one go."""
    descriptor = create(os.path.join(folder, name))
    try:
        _write_all(descriptor, content)
    finally:
        os.close(descriptor)
    return File(name, len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


def _write_all(descriptor: int, data: Any) -> None:
    written = os.write(descriptor, data)
    if written < len(data):
        rest = memoryview(data)
        while written < len(rest):
            written += os.write(descriptor, rest[written:])


class Sink:
    """A new file, as far as a pickler is concerned. It hashes what is written, in a thread if it is much."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.size = 0
        self.trouble: OSError | None = None  # of the disk's, not of what is being written
        self._limit = limit
        self._hash = hashlib.sha256()
        self._hasher: _Hasher | None = None
        self._descriptor = create(path)

    def write(self, data: Any) -> int:
        """Take the next bytes; `TooLarge` once they are more than the limit."""
        content = data if type(data) is bytes else bytes(data)
        self.size += len(content)
        if self._limit is not None and self.size > self._limit:
            raise TooLarge(f"it takes more than the {self._limit:,} bytes that a model may have")
        if self._hasher is None and self.size > _THREADED:
            self._hasher = _Hasher.started(self._hash)
        if self._hasher is None:
            self._hash.update(content)
        else:
            self._hasher.put(content)
        try:
            _write_all(self._descriptor, content)
        except OSError as error:
            self.trouble = error
            raise
        if self._hasher is not None:
            self._hasher.wait(_WAITING)
        return len(content)

    def digest(self) -> str:
        """The digest of all that was written."""
        if self._hasher is not None:
            self._hasher.wait(0)
        return f"sha256:{self._hash.hexdigest()}"

    def close(self) -> None:
        """Let go of the file and of the thread."""
        if self._hasher is not None:
            self._hasher.stop()
            self._hasher = None
        os.close(self._descriptor)


class _Hasher:
    """A thread that hashes what it is given. Only bytes are given to it, which stay as they are."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self._given: SimpleQueue[bytes | None] = SimpleQueue()
        self._done: SimpleQueue[int] = SimpleQueue()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="skribe-hash", daemon=True)

    @classmethod
    def started(cls, digest: Any) -> _Hasher | None:
        """A running one; None where no thread can be started, as at the end of the process."""
        hasher = cls(digest)
        try:
            hasher._thread.start()
        except RuntimeError:
            return None
        return hasher

    def put(self, content: bytes) -> None:
        self._waiting += len(content)
        self._given.put(content)

    def wait(self, waiting: int) -> None:
        """Wait until no more than so many bytes are waiting."""
        while self._waiting > waiting:
            self._waiting -= self._done.get()

    def stop(self) -> None:
        self._given.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (content := self._given.get()) is not None:
            self._digest.update(content)
            self._done.put(len(content))
