"""The writing connection that one process keeps open, and the question whether its file is still the one at the path.

Opening costs more than writing a run; a stat costs two microseconds.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from skribe.store import forks
from skribe.store.connection import identity_of, open_writer, verify
from skribe.store.location import database_of
from skribe.store.rows import Rows


class KeptOpen:
    """The database of one store, opened when first needed. Not thread-safe: its journal has the lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection: sqlite3.Connection | None = None
        self.rows: Rows | None = None
        self._database = database_of(folder)
        self._log = self._database.with_name(f"{self._database.name}-wal")
        self._identity: tuple[int, int] | None = None
        self._log_identity: tuple[int, int] | None = None
        self._size = 0
        self._doubtful = False

    def open(self, patience: float) -> tuple[sqlite3.Connection, Rows]:
        """The connection to the file that is at the path now. Raises StoreError, sqlite3.Error or OSError."""
        if self.connection is not None and self.rows is not None:
            if self._is_still_there():
                return self.connection, self.rows
            self.close()
            if not self._doubtful:
                self._remove_stale_log()
        connection = open_writer(self.folder, patience)
        try:
            if self._doubtful:
                verify(connection, self._database)
                self._doubtful = False
            self._identity = identity_of(self._database)
            # The log is made by the first read at the latest, and stays until the last connection closes.
            connection.execute("SELECT count(*) FROM migration").fetchone()
            self._log_identity = identity_of(self._log)
        except BaseException:
            connection.close()
            raise
        self.connection, self.rows, self._size = connection, Rows(connection), 0
        return connection, self.rows

    def _is_still_there(self) -> bool:
        try:
            found = os.stat(self._database)
        except OSError:
            return False
        if (found.st_dev, found.st_ino) != self._identity:
            return False
        # A database file only grows, unless somebody cut it off or packed it: then it is read before it is trusted.
        self._doubtful = found.st_size < self._size
        self._size = found.st_size
        return not self._doubtful

    def _remove_stale_log(self) -> None:
        """The database was deleted or replaced. A write-ahead log that it left would be taken for the new one's."""
        if self._log_identity is not None and identity_of(self._log) == self._log_identity:
            for file in (self._log, self._log.with_name(f"{self._database.name}-shm")):
                with contextlib.suppress(OSError):
                    file.unlink()

    def close(self) -> None:
        """Let go of the file; `open` opens it again."""
        connection, self.connection, self.rows = self.connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def abandon(self) -> None:
        """We are a forked child: a connection that came along is our parent's, and is left alone."""
        if self.connection is not None:
            forks.abandon(self.connection)
        self.connection = self.rows = None
