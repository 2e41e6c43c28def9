"""Where records wait while the store cannot be written: a file in the temporary folder, else this process's memory.

The file belongs to one process and one store and is locked while its process lives, so that after a crash the next
writer of the same store can tell that it may be delivered, and that nobody else is doing so.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import xxhash

from skribe import guard
from skribe.records import Changes, ProcessInfo
from skribe.store import codec

MEMORY_LIMIT = 64 * 2**20


def spool_folder() -> Path:
    """`skribe-<user>` in the temporary folder."""
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"skribe-{user}"


def _name_of(store: Path) -> str:
    return xxhash.xxh3_64_hexdigest(os.path.realpath(store).encode("utf-8", "surrogateescape"))


class Spool:
    """A queue of `Changes` that outlives the process if it can. Not thread-safe: its journal has the lock."""

    def __init__(self, store: Path, process: ProcessInfo | None = None) -> None:
        self.store = store
        self.process = process
        self.file: Path | None = None
        self.dropped = 0
        self._fd: int | None = None
        self._read = self._written = 0
        self._seen: tuple[int, int] = (0, 0)
        self._memory: deque[bytes] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._memory) or self._read < self._written

    @property
    def in_memory(self) -> int:
        """How many records only this process has."""
        return len(self._memory)

    def where(self) -> str:
        """For the user: where the records are."""
        if self.file is not None and not self._memory:
            return f"in {self.file}"
        return "in this process's memory, because the temporary folder cannot be written either"

    def keep(self, changes: tuple[Changes, ...]) -> None:
        """Add them at the end of the queue."""
        for each in changes:
            try:
                line = codec.encode(each)
            except Exception:  # noqa: BLE001 - whatever json says, the sound form has none of it
                line = codec.encode(codec.sound(each))
            self._memory.append(line)
            self._bytes += len(line)
        self._to_file()
        while self._bytes > MEMORY_LIMIT and len(self._memory) > 1:
            self._bytes -= len(self._memory.popleft())
            self.dropped += 1

    def peek(self, count: int) -> list[Changes]:
        """The next records; `done` takes them off the queue."""
        if self._fd is not None and self._read < self._written:
            lines, self._seen = self._lines(count)
        else:
            lines = [line for line, _ in zip(self._memory, range(count), strict=False)]
            self._seen = (0, len(lines))
        return [changes for line in lines if (changes := self._understand(line)) is not None]

    def done(self) -> None:
        """What `peek` gave last is safe elsewhere."""
        in_file, in_memory = self._seen
        self._seen = (0, 0)
        self._read += in_file
        for _ in range(in_memory):
            self._bytes -= len(self._memory.popleft())
        if self._fd is not None and self._read >= self._written:
            self.close(remove=True)

    def close(self, remove: bool = False) -> None:
        """Let go of the file; without `remove` it stays for the next writer of the store."""
        if self._fd is None or self.file is None:
            return
        if remove:
            with contextlib.suppress(OSError):
                self.file.unlink()
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self.file = self._fd = None
        self._read = self._written = 0

    def _understand(self, line: bytes) -> Changes | None:
        try:
            return codec.decode(line)
        except (ValueError, TypeError, KeyError) as error:
            guard.swallow("a damaged record in a spool", error)
            return None

    def _lines(self, count: int) -> tuple[list[bytes], tuple[int, int]]:
        assert self._fd is not None
        size = 1 << 20
        while True:
            block = os.pread(self._fd, min(size, self._written - self._read), self._read)
            whole = size >= self._written - self._read
            end = len(block) if whole else block.rfind(b"\n") + 1
            if end:
                break
            size *= 4
        pieces = block[:end].split(b"\n")
        # Without a final line end the last piece is what a dying process had begun; with one it is empty.
        pieces.pop()
        if len(pieces) > count:
            pieces = pieces[:count]
            end = sum(len(piece) + 1 for piece in pieces)
        return pieces, (end, 0)

    def _to_file(self) -> None:
        """Move everything from memory to the file; what does not fit stays in memory, whole."""
        if not self._memory or not hasattr(os, "pread"):
            return
        data = b"".join(line + b"\n" for line in self._memory)
        try:
            if self._fd is None:
                self._open()
            assert self._fd is not None
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            if self._fd is not None:
                # A torn last line would be taken for a record.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._written)
            if self._fd is not None and not self._written:
                self.close(remove=True)
            return
        assert self._fd is not None
        self._written = os.fstat(self._fd).st_size
        self._memory.clear()
        self._bytes = 0

    def _open(self) -> None:
        folder = private_folder()
        name = f"{_name_of(self.store)}-{os.getpid()}-{os.urandom(4).hex()}.jsonl"
        flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
        self._fd = os.open(folder / name, flags, 0o600)
        self.file = folder / name
        _lock(self._fd)
        if self.process is not None:
            header = codec.encode_process(self.process) + b"\n"
            os.write(self._fd, header)
            self._read = self._written = len(header)


def private_folder() -> Path:
    """The spool's folder, created, and nobody else's: records may hold what others should not read."""
    folder = spool_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise PermissionError(f"{folder} belongs to somebody else")
    if hasattr(os, "getuid") and found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def spool_files(store: Path) -> list[Path]:
    """The files in which processes, dead or alive, have records of this store waiting."""
    return sorted(spool_folder().glob(f"{_name_of(store)}-*.jsonl"))


def records_wait(store: Path) -> bool:
    """Whether some process, dead or alive, has records of this store waiting in a file."""
    return bool(spool_files(store))


def abandoned(store: Path) -> Iterator[Spool]:
    """The spools that dead processes left for this store, each locked for us."""
    if not hasattr(os, "pread"):
        return
    for file in spool_files(store):
        spool = _adopt(store, file)
        if spool is not None:
            yield spool


def _adopt(store: Path, file: Path) -> Spool | None:
    try:
        fd = os.open(file, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        mine = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()
        # Delivered and removed by another process between our look and our lock: no links are left.
        if not mine or not _lock(fd) or os.fstat(fd).st_nlink == 0:
            os.close(fd)
            return None
        spool = Spool(store)
        spool.file, spool._fd, spool._written = file, fd, found.st_size
        head = os.pread(fd, found.st_size, 0).split(b"\n", 1)[0]
        with contextlib.suppress(ValueError, TypeError, KeyError):
            spool.process = codec.decode_process(head)
            spool._read = len(head) + 1
    except OSError:
        os.close(fd)
        return None
    if not spool:
        spool.close(remove=True)
        return None
    return spool


def _lock(fd: int) -> bool:
    """Lock the file for as long as this process lives and keeps it open; False if another process has it."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
