"""Connections that only read: one per thread, each public call one consistent snapshot."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from skribe.errors import StoreError
from skribe.store import forks
from skribe.store.connection import identity_of, is_busy, open_reader
from skribe.store.location import database_of


class Snapshots:
    """The reading connections of one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = database_of(folder)
        self._reset()
        forks.watch(self)

    def _reset(self) -> None:
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._held: list[_Reader] = []

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, seeing one moment of the store until the end of the block."""
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = _Reader(self.folder)
            with self._lock:
                self._readers.add(reader)
            self._local.reader = reader
        with reader.lock:
            try:
                connection = reader.open()
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                reader.close()
                if is_busy(error):
                    raise StoreError(f"{self._database} is locked by another program") from error
                raise StoreError(f"{self._database} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the connections of all threads. The next call opens new ones."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            with reader.lock:
                reader.close()

    def before_fork(self) -> None:
        """Close every connection that nobody is using just now, so that the child inherits none."""
        self._lock.acquire()
        for reader in self._readers:
            if reader.lock.acquire(timeout=0.5):
                self._held.append(reader)
                reader.close()

    def after_fork(self, in_child: bool) -> None:
        """Go on in the parent; begin anew in the child."""
        for reader in self._held:
            reader.lock.release()
        self._held = []
        if in_child:
            for reader in self._readers:
                reader.abandon()
            self._reset()
        else:
            self._lock.release()


class _Reader:
    """One thread's connection, opened when needed and again when the file at the path is another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._pid = os.getpid()

    def open(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self.abandon()
        identity = identity_of(database_of(self.folder))
        if self._connection is not None and (identity != self._identity or self._empty()):
            self.close()
        if self._connection is None:
            self._connection, self._identity = open_reader(self.folder), identity
        return self._connection

    def _empty(self) -> bool:
        """Whether we look at a stand-in, because the store was not complete when we opened it."""
        assert self._connection is not None
        return not self._connection.execute("PRAGMA database_list").fetchone()[2]

    def abandon(self) -> None:
        if self._connection is not None:
            forks.abandon(self._connection)
        self._connection, self._pid = None, os.getpid()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # A thread that ends takes its reader along. At the interpreter's end the modules named here may be gone.
        try:
            if self._pid == os.getpid():
                self.close()
        except Exception:  # noqa: BLE001
            pass
