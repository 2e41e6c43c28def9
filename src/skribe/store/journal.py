"""The one way in: `Journal.write` puts `Changes` on disk before it returns, and never raises for the store's trouble.

While the store cannot be written the records wait in a spool (a file, else memory), in order; every later write
tries again, briefly, and delivers what waits before anything newer.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from skribe import guard
from skribe.errors import StoreError
from skribe.records import Changes, ProcessInfo
from skribe.store import codec, forks
from skribe.store.connection import (
    PATIENCE,
    is_busy,
    patiently,
    transaction,
)
from skribe.store.keptopen import KeptOpen
from skribe.store.location import database_of
from skribe.store.reap import orphans, reap
from skribe.store.rows import Rows
from skribe.store.spool import Spool, abandoned

# While the store fails: how often it is tried, how long a try waits for a lock, and how long one delivery may take.
_AGAIN = 0.2
_SHORT = 0.003
_DELIVERY = 0.02
_BATCH = 20
_AT_EXIT = 1.0
_STARTS = 10_000


class Journal:
    """Writes to one store, from any thread. One connection is kept open; a forked child opens its own."""

    def __init__(
        self, path: str | os.PathLike[str], process: Callable[[], ProcessInfo], *, patience: float = PATIENCE
    ) -> None:
        self.folder = Path(os.path.abspath(path))
        self.patience = patience
        self._database = database_of(self.folder)
        self._ask_process = process
        self._cause = f"store {self.folder}"
        self._reset()
        forks.watch(self)
        # Held weakly: a journal that nobody uses any more should not live until the end.
        me = weakref.ref(self)

        def farewell() -> None:
            journal = me()
            if journal is not None:
                journal.close()

        self._farewell = farewell
        atexit.register(self._farewell)

    def _reset(self) -> None:
        # Reentrant, and `_busy` says so: a signal handler may fit a model while this thread is writing.
        self._lock = threading.RLock()
        self._busy = False
        self._stopped = False
        self._pid = os.getpid()
        self._file = KeptOpen(self.folder)
        self._process: ProcessInfo | None = None
        self._asking = threading.RLock()
        self._asked = False
        self._spool = Spool(self.folder)
        self._inherited: list[Spool] = []
        self._looked = False
        self._next_try = 0.0
        # Starts of runs that have not ended: should the file be deleted meanwhile, the new one gets them.
        self._starts: dict[str, Changes] = {}

    # -- writing

    def write(self, *changes: Changes) -> None:
        """Write them in one transaction; when this returns they survive the death of the process.

        Trouble with the store is said once, and the records wait elsewhere. Only Ctrl-C and its like pass through.
        """
        if not changes:
            return
        if self._pid != os.getpid():
            self._abandon()
        guard.contain("writing to the store", self._write, changes)

    def _write(self, changes: tuple[Changes, ...]) -> None:
        process = self._process_info()
        with self._lock:
            self._note_starts(changes)
            if self._spool or self._busy:
                self._keep(changes, process)
                if time.monotonic() >= self._next_try and not self._busy:
                    self._deliver(self._spool, _DELIVERY)
                return
            try:
                trouble = self._try(changes, process, self.patience)
            except BaseException:
                # Ctrl-C while we wrote: the record waits, and writing it twice leaves one.
                self._keep(changes, process)
                raise
            if trouble is not None:
                self._keep(changes, process)
                self._complain(trouble)
            elif self._inherited:
                self._deliver_inherited(_DELIVERY)

    def _keep(self, changes: tuple[Changes, ...], process: ProcessInfo | None) -> None:
        self._spool.process = process
        self._spool.keep(changes)
        if self._spool.dropped:
            guard.say_once(
                f"{self._cause} dropped",
                f"skribe can write neither to {self._database} nor to the temporary folder, and its memory for"
                " waiting records is full: the oldest are being dropped.",
            )

    def _process_info(self) -> ProcessInfo | None:
        # Outside of every transaction, because it may take a while the first time.
        if not self._asked:
            with self._asking:
                if not self._asked:
                    self._process = guard.contain("asking about the process", self._ask_process)
                    self._asked = True
        return self._process

    def renew_process(self) -> None:
        """Ask about the process again, because more is known now; nothing is said if it cannot be written."""
        if self._pid != os.getpid() or not self._asked:
            return
        self._asked = False
        process = self._process_info()
        with contextlib.suppress(OSError, StoreError, sqlite3.Error), self._lock:
            if process is not None and not self._busy and not self._spool:
                connection, rows = self._open(_SHORT)
                with transaction(connection, _SHORT):
                    rows.renew_process(process)

    def _note_starts(self, changes: Iterable[Changes]) -> None:
        for each in changes:
            if each.start is not None and each.end is None:
                if len(self._starts) >= _STARTS:
                    self._starts.pop(next(iter(self._starts)))
                self._starts[each.run] = Changes(run=each.run, start=each.start)

    def _try(self, changes: Iterable[Changes], process: ProcessInfo | None, patience: float) -> Exception | None:
        """Write them in one transaction. The trouble, if the store cannot; None if they are in it."""
        self._busy = True
        try:
            return self._try_as_it_is(tuple(changes), process, patience)
        finally:
            self._busy = False

    def _try_as_it_is(
        self, changes: tuple[Changes, ...], process: ProcessInfo | None, patience: float
    ) -> Exception | None:
        try:
            self._commit(changes, process, patience)
            return None
        except Exception as error:  # noqa: BLE001 - sorted out by the next lines
            if _is_trouble_of_the_store(error):
                if not is_busy(error):
                    self._file.close()
                return error
        # Something in them cannot be stored as it is: one by one, in the form that can.
        for each in changes:
            try:
                self._commit((codec.sound(each),), process, patience)
            except Exception as error:  # noqa: BLE001 - as above
                if _is_trouble_of_the_store(error):
                    self._file.close()
                    return error
                guard.swallow("a record that cannot be stored", error)
        return None

    def _commit(self, changes: tuple[Changes, ...], process: ProcessInfo | None, patience: float) -> None:
        connection, rows = self._open(patience)
        if len(changes) == 1 and rows.is_one_statement(changes[0]):
            # SQLite's own transaction around a single statement costs half of one that is begun and ended.
            patiently(lambda: rows.write_results_alone(changes[0]), patience)
            return
        try:
            with transaction(connection, patience):
                seq = rows.next_seq()
                for each in changes:
                    seq = self._commit_one(rows, each, seq, process)
        except BaseException:
            rows.forget()
            raise
        for each in changes:
            if each.end is not None:
                self._starts.pop(each.run, None)

    def _commit_one(self, rows: Rows, changes: Changes, seq: int, process: ProcessInfo | None) -> int:
        if rows.write_results_alone(changes):
            return seq
        if changes.start is None and rows.number(changes.run) is None and changes.run in self._starts:
            rows.write(self._starts[changes.run], seq, process)
            seq += 1
        rows.write(changes, seq, process)
        return seq + 1

    # -- the connection

    def _open(self, patience: float) -> tuple[sqlite3.Connection, Rows]:
        """The connection to the file that is at the path now; the first time also what dead processes left."""
        connection, rows = self._file.open(patience)
        if not self._looked:
            self._looked = True
            guard.contain("marking killed runs", self._reap, connection)
            guard.contain("looking for waiting records", lambda: self._inherited.extend(abandoned(self.folder)))
        return connection, rows

    def _reap(self, connection: sqlite3.Connection) -> None:
        if not orphans(connection):
            return
        with contextlib.suppress(sqlite3.OperationalError), transaction(connection, 0.05):
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
            reap(connection, 1 if row is None else row[0] + 1)

    # -- trouble, and its end

    def _complain(self, trouble: Exception) -> None:
        self._next_try = time.monotonic() + _AGAIN
        guard.say_once(
            self._cause,
            f"skribe cannot write to {self._database} ({_reason(trouble)}). Your code goes on as usual;"
            f" the records wait {self._spool.where()} and are delivered as soon as the store can be written.",
        )

    def _deliver(self, spool: Spool, budget: float, patience: float = _SHORT) -> bool:
        """Move waiting records into the store, oldest first, for so many seconds; True if none is left."""
        began = time.monotonic()
        process = spool.process or self._process
        while spool:
            trouble = self._try(spool.peek(_BATCH), process, patience)
            if trouble is not None:
                if spool is self._spool:
                    self._complain(trouble)
                    # A try that takes long, such as reading a large damaged file, is not made often.
                    self._next_try += 10 * (time.monotonic() - began)
                return False
            spool.done()
            if time.monotonic() > began + budget:
                break
        if not spool and spool is self._spool:
            guard.forget(self._cause)
        return not spool

    def _deliver_inherited(self, budget: float) -> None:
        while self._inherited and self._deliver(self._inherited[0], budget):
            self._inherited.pop(0)

    # -- the end, and forks

    @property
    def waiting(self) -> bool:
        """Whether records wait outside the store, because it could not be written."""
        return bool(self._spool)

    def flush(self, timeout: float = _AT_EXIT) -> bool:
        """Try to deliver what waits; True if nothing is left."""
        with self._lock:
            if self._busy:
                return False
            patience = min(timeout, self.patience, 0.2)
            if self._spool and not self._deliver(self._spool, timeout, patience):
                return False
            self._deliver_inherited(timeout)
            return True

    def close(self) -> None:
        """Try once more to deliver what waits, say what could not be, and let go of the file."""
        atexit.unregister(self._farewell)
        if self._pid != os.getpid():
            return
        guard.contain("delivering the last records", self.flush)
        with self._lock:
            if self._spool or self._spool.dropped:
                self._say_goodbye()
            for spool in (self._spool, *self._inherited):
                spool.close()
            self._inherited.clear()
            self._looked = False
            self._file.close()

    def _say_goodbye(self) -> None:
        dropped, lost = self._spool.dropped, self._spool.in_memory
        words = []
        if self._spool.file is not None:
            words.append(
                f"records wait in {self._spool.file}; the next process that writes to {self.folder} delivers them"
            )
        if dropped + lost:
            words.append(f"{dropped + lost} records could be written nowhere and are lost")
        guard.logger.warning("skribe could not write to %s: %s.", self._database, "; ".join(words))

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # At the interpreter's end the modules named here may be gone.
        try:
            atexit.unregister(self._farewell)
            if self._pid == os.getpid():
                self._spool.close()
                self._file.close()
        except Exception:  # noqa: BLE001
            pass

    def before_fork(self) -> None:
        """Close the connection, so that the child inherits none."""
        # A writer that waits ten seconds for a lock must not hold up the fork for that long.
        self._stopped = self._lock.acquire(timeout=1.0)
        if self._stopped:
            self._file.close()

    def after_fork(self, in_child: bool) -> None:
        """Go on in the parent; begin anew in the child."""
        if in_child:
            self._abandon()
        elif self._stopped:
            self._stopped = False
            self._lock.release()

    def _abandon(self) -> None:
        """We are a forked child: what waits is our parent's to deliver, and so is its connection, if any is left."""
        self._file.abandon()
        for spool in (self._spool, *self._inherited):
            spool.close()
        self._reset()


def _is_trouble_of_the_store(error: Exception) -> bool:
    """Whether writing the same again may succeed later; otherwise it is the record that is refused."""
    if isinstance(error, sqlite3.Error):
        return type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InternalError)
    return isinstance(error, (OSError, StoreError, MemoryError))


def _reason(trouble: Exception) -> str:
    if is_busy(trouble):
        return "another program keeps it locked"
    return str(trouble) or type(trouble).__name__
