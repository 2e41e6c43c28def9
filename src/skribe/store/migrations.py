"""Numbered, named changes of the schema, each in one transaction with the row that says it ran.

To change the schema: append a `Migration` with the next number. A released one is never edited, because it has
already run in other people's files; `tests/store/test_migrations.py` keeps a file of every released number.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from skribe.errors import StoreDamaged, StoreTooNew
from skribe.store.schema import DELIVERY, FIRST_SCHEMA, MODELS, SEARCHES

APPLICATION_ID = 0x736B7262  # "skrb": by it SQLite, `file` and we know whose file this is


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a schema to the next."""

    number: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first_schema", FIRST_SCHEMA),
    Migration(2, "searches", SEARCHES),
    Migration(3, "models_and_tables", MODELS),
    Migration(4, "delivery", DELIVERY),
)
LATEST = MIGRATIONS[-1].number


def knows(connection: sqlite3.Connection, number: int) -> bool:
    """Whether the file has been through this migration: only a writer raises it to the latest schema."""
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] >= number)


def check(connection: sqlite3.Connection, where: object) -> int:
    """The number of the schema in the file (0: it is still empty). Raises if the file is not for us."""
    try:
        (identity,) = connection.execute("PRAGMA application_id").fetchone()
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        if identity != APPLICATION_ID:
            foreign = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            # Whoever creates it may have come between these questions.
            (identity,) = connection.execute("PRAGMA application_id").fetchone()
            if identity == APPLICATION_ID:
                return check(connection, where)
            if identity or number or foreign:
                raise StoreDamaged(f"{where} is an SQLite database of another program, not a skribe store")
            return 0
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreDamaged(
            f"{where} cannot be read as a skribe store ({error}); move it away and skribe starts a new one"
        ) from error
    if number > LATEST:
        raise StoreTooNew(
            f"{where} was written by a later skribe (schema {number}; this one knows up to {LATEST}); "
            "upgrade with: pip install --upgrade skribe"
        )
    return int(number)


def migrate(connection: sqlite3.Connection, where: object) -> None:
    """Bring the file to the latest schema. The caller holds no transaction, and waits for locks.

    The question is asked again inside each transaction, because another process may have been faster.
    """
    for migration in MIGRATIONS:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if check(connection, where) < migration.number:
                _run(connection, migration)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _run(connection: sqlite3.Connection, migration: Migration) -> None:
    if migration.number == 1:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(
            "CREATE TABLE migration (\n"
            "    -- Which changes of the schema this file has been through.\n"
            "    number INTEGER PRIMARY KEY,   -- in this order\n"
            "    name TEXT NOT NULL,           -- what it was for\n"
            "    applied REAL NOT NULL         -- seconds since 1970, UTC\n)"
        )
    for statement in migration.statements:
        connection.execute(statement.strip())
    connection.execute("INSERT INTO migration VALUES (?, ?, ?)", (migration.number, migration.name, time.time()))
    connection.execute(f"PRAGMA user_version = {migration.number}")
