"""Who delivers: one process for each store and backend, until it ends, however it ends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path
from typing import IO, Final

_FOLDER: Final = "delivery"
# A lock on a file excludes other processes, and not other threads of this one.
_mine: set[tuple[int, str]] = set()
_guard = threading.Lock()


class DeliveryLock:
    """Held by the process that delivers from this store to this backend. The system lets go of it when it dies."""

    def __init__(self, folder: Path, backend: str) -> None:
        name = hashlib.blake2b(backend.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._path = folder / _FOLDER / f"{name}.lock"
        self._bell = folder / _FOLDER / f"{name}.bell"
        self._heard: int | None = None
        self._file: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """Whether we have it."""
        return self._file is not None

    def acquire(self) -> bool:
        """Take it if nobody has it. Raises OSError where files cannot be locked."""
        if self._file is not None and self._is_there():
            return True
        self.release()
        with _guard:
            me = (os.getpid(), str(self._path))
            if me in _mine:
                return False
            self._path.parent.mkdir(exist_ok=True)
            file = open(self._path, "ab")  # noqa: SIM115 - it is held for as long as the lock
            if not _lock(file):
                file.close()
                return False
            _mine.add(me)
            self._file = file
        self._heard = None
        self.rang()
        return True

    def _is_there(self) -> bool:
        """Whether the file that we have locked is still the one that others would lock."""
        assert self._file is not None
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self._path))
        except OSError:
            return False

    def release(self) -> None:
        """Let go of it."""
        with _guard:
            file, self._file = self._file, None
            if file is not None:
                _mine.discard((os.getpid(), str(self._path)))
                file.close()

    def ring(self) -> None:
        """Tell whoever has it that somebody waits."""
        with contextlib.suppress(OSError):
            self._bell.parent.mkdir(exist_ok=True)
            self._bell.touch()

    def rang(self) -> bool:
        """Whether somebody has rung since this was asked last."""
        try:
            moment = os.stat(self._bell).st_mtime_ns
        except OSError:
            moment = 0
        before, self._heard = self._heard, moment
        return before is not None and moment != before  # the first time it is only looked at


def _lock(file: IO[bytes]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            # A lock that a forked child does not inherit.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
