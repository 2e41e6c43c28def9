"""Opening the database, and waiting for its lock.

SQLite's own waiting backs off to a tenth of a second and lets a busy process starve (measured: 1.2 s with eight
writers). Here `timeout` is 0 and the waiting is ours: short random sleeps up to a deadline.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from skribe.errors import StoreDamaged, StoreError
from skribe.store.location import create_folder, database_of
from skribe.store.migrations import LATEST, check, migrate

T = TypeVar("T")

PATIENCE = 10.0
# A generator of our own: the user's `random` must not move.
_chance = random.Random()
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_busy(error: Exception) -> bool:
    """Whether the error only says that somebody else is writing just now."""
    return isinstance(error, sqlite3.OperationalError) and (error.sqlite_errorcode & 0xFF) in _BUSY


def patiently(action: Callable[[], T], patience: float = PATIENCE) -> T:
    """Do it, again and again while the database is locked, for at most `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_chance.uniform(0.0002, 0.002))


@contextmanager
def transaction(connection: sqlite3.Connection, patience: float = PATIENCE) -> Iterator[None]:
    """One write transaction: all of it or, on any exception, nothing."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"), patience)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """Leave the transaction, if SQLite has not already left it on its own (it does when the disk is full)."""
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass


def open_writer(folder: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    """A connection that may write, to a database that is there and has the latest schema.

    Raises StoreError, sqlite3.Error or OSError.
    """
    create_folder(folder)
    database = database_of(folder)
    connection = sqlite3.connect(
        database, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        # Whose file it is comes first: switching to WAL would already change somebody else's.
        number = patiently(lambda: check(connection, database), patience)
        patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone(), patience)
        for setting in ("synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -16000"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("PRAGMA journal_size_limit = 33554432").fetchone()
        # Four times SQLite's own: a sweep writes the same few pages again and again, and each of them is copied once.
        connection.execute("PRAGMA wal_autocheckpoint = 4000").fetchone()
        if number < LATEST:
            patiently(lambda: migrate(connection, database), patience)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(folder: Path) -> sqlite3.Connection:
    """A connection that only reads. A store that is not there reads as one without runs."""
    database = database_of(folder)
    if not database.exists():
        return _nothing()
    address = database.absolute().as_uri()
    try:
        return _open_reader(f"{address}?mode=ro", database)
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise StoreError(f"{database} is locked by another program") from error
    try:
        # In a folder where nothing can be created SQLite cannot share the file with a writer. Nobody can write
        # there, so it need not.
        return _open_reader(f"{address}?immutable=1", database)
    except sqlite3.OperationalError as error:
        raise StoreError(f"{database} cannot be opened: {error}") from error


def _open_reader(address: str, database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=5, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        if patiently(lambda: check(connection, database), 5.0) == 0:
            # Its creator has made the file and not yet the schema.
            connection.close()
            return _nothing()
        # No memory mapping: reading a mapped file that somebody cuts off ends the process, not the query.
        connection.execute("PRAGMA cache_size = -16000")
        connection.create_function("py_lower", 1, _lower, deterministic=True)
        connection.create_function("py_upper", 1, _upper, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _nothing() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.create_function("py_lower", 1, _lower, deterministic=True)
    connection.create_function("py_upper", 1, _upper, deterministic=True)
    migrate(connection, "memory")
    return connection


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def verify(connection: sqlite3.Connection, database: Path) -> None:
    """Read the whole file and raise StoreDamaged if it does not hold together."""
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise StoreDamaged(f"{database} is damaged ({verdict}); move it away and skribe starts a new one")


def identity_of(database: Path) -> tuple[int, int] | None:
    """Which file is at this path now; None if there is none."""
    try:
        found = os.stat(database)
    except OSError:
        return None
    return found.st_dev, found.st_ino
