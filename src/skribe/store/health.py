"""How a store is: what `skribe doctor` asks of it. Nothing is changed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from skribe.store.location import artifacts_of, database_of
from skribe.store.migrations import LATEST
from skribe.store.query import Query
from skribe.store.reap import Pulse
from skribe.store.spool import spool_files

_FEW = 20


class Stale(NamedTuple):
    """Runs that the file says are running, and whose process is dead."""

    runs: int
    ids: tuple[str, ...]  # some of them


def schema_of(query: Query) -> tuple[int, int]:
    """The schema's number in the file, and the latest that this skribe knows."""
    number = query.ask(lambda connection: int(connection.execute("PRAGMA user_version").fetchone()[0]))
    return number, LATEST


def damage_in(query: Query) -> list[str]:
    """What SQLite's own check finds wrong with the file; it reads all of it."""

    def check(connection: sqlite3.Connection) -> list[str]:
        return [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_FEW})")]

    found = query.ask(check)
    return [] if found == ["ok"] else found


def stale_runs(query: Query) -> Stale:
    """What processes that have died left `running`. Readers show it as killed; the next writer writes that down."""

    def look(connection: sqlite3.Connection) -> Stale:
        dead = Pulse().dead(connection)
        found = [
            run
            for process in dead
            for (run,) in connection.execute("SELECT id FROM run WHERE status = 'running' AND process = ?", (process,))
        ]
        return Stale(len(found), tuple(found[:_FEW]))

    return query.ask(look)


def database_size(folder: Path) -> int:
    """The bytes of the database, with what has not been put into its main file yet."""
    database = database_of(folder)
    sizes = (Path(f"{database}{ending}") for ending in ("", "-wal", "-shm"))
    return sum(path.stat().st_size for path in sizes if path.exists())


def artifacts_size(folder: Path) -> tuple[int, int]:
    """How many files of runs there are, and their bytes."""
    count = total = 0
    for place, _folders, files in os.walk(artifacts_of(folder)):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue  # deleted meanwhile
            count += 1
    return count, total


__all__ = [
    "Stale", "artifacts_size", "damage_in", "database_size", "schema_of", "spool_files", "stale_runs",
]  # fmt: skip
