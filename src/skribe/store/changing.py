"""What those share that change the store because somebody asked: they raise, and each call is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skribe.errors import NotFound, StoreError
from skribe.store.connection import open_writer, transaction
from skribe.store.location import database_of
from skribe.store.query import Query, RunRow


class Changing:
    """One store, opened for each change."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def _find(self, run: str) -> RunRow:
        query = Query(self.folder)
        try:
            return query.run_row(run)
        finally:
            query.close()

    @contextmanager
    def _writing(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        database = database_of(self.folder)
        if not create and not database.exists():
            raise NotFound(f"{self.folder} holds no store")
        try:
            connection = open_writer(self.folder)
            try:
                with transaction(connection):
                    yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{database} cannot be written: {error}") from error
