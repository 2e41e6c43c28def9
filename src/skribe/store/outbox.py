"""The local store as a remote backend's outbox: how far the backend has been fed, and what it has said of each run.

Each call is one small transaction. They raise StoreError: whoever delivers waits, and tries again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from skribe.errors import NotFound, StoreError
from skribe.records import Changes
from skribe.store import feed
from skribe.store.codec import json_text
from skribe.store.connection import open_writer, transaction
from skribe.store.location import artifacts_of, database_of
from skribe.store.migrations import knows

T = TypeVar("T")


class Position(NamedTuple):
    """How far a backend has been fed."""

    seq: int  # everything up to this journal number has arrived
    first: int  # and what came up to this one was not asked for
    updated: float
    options: Mapping[str, Any]
    trouble: str | None = None  # why it cannot be fed just now
    since: float | None = None
    tried: float | None = None  # when it was tried last in vain
    pending: int = 0  # how many entries of the journal wait
    refused: int = 0  # how many runs it would not take


class StoreOutbox:
    """What waits in one store for one backend."""

    def __init__(self, folder: Path, backend: str) -> None:
        self._folder = folder
        self.backend = backend
        self._connection: sqlite3.Connection | None = None

    # -- what a backend may ask

    def remote(self, run: str) -> str | None:
        """What the backend has remembered of a run."""
        sql = "SELECT remote FROM replica WHERE backend = ? AND run = ?"
        row = self._read(lambda connection: connection.execute(sql, (self.backend, run)).fetchone())
        return None if row is None else row[0]

    def remember(self, remotes: Mapping[str, str]) -> None:
        """Remember a text for each run; it is on disk when this returns."""
        rows = [(self.backend, run, remote) for run, remote in remotes.items()]
        self._write(
            lambda connection: connection.executemany(
                "INSERT INTO replica (backend, run, remote) VALUES (?, ?, ?)"
                " ON CONFLICT (backend, run) DO UPDATE SET remote = excluded.remote",
                rows,
            )
        )

    def whole(self, run: str) -> Changes | None:
        """All that is known of a run by now; None if there is no such run."""

        def read(connection: sqlite3.Connection) -> Changes | None:
            row = connection.execute("SELECT num FROM run WHERE id = ?", (run,)).fetchone()
            return None if row is None else feed.read_run(connection, row[0])

        return self._read(read)

    def folder(self, run: str) -> Path:
        """The folder with the run's files."""
        return artifacts_of(self._folder) / run

    def set_aside(self, run: str, what: str, reason: str) -> None:
        """Write down that this part of a run could not be given to the backend."""
        self._write(
            lambda connection: connection.execute(
                "INSERT INTO replica (backend, run, refused) VALUES (?1, ?2, ?3) ON CONFLICT (backend, run) DO UPDATE"
                " SET refused = iif(instr(coalesce(refused, ''), ?3), refused,"
                " trim(substr(coalesce(refused, ''), 1, 4000) || char(10) || ?3, char(10)))",
                (self.backend, run, f"{what}: {reason}"[:1000]),
            )
        )

    # -- what the shipper asks

    def begin(self, first: int | None = None, options: Mapping[str, Any] | None = None) -> Position:
        """Where to go on. A backend that is new here begins after `first`; None: after what is there by now."""
        words = json_text(dict(options or {}))

        def go(connection: sqlite3.Connection) -> None:
            after = first if first is not None else _last(connection)
            connection.execute(
                "INSERT INTO cursor (backend, seq, first, updated, options) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (backend) DO UPDATE SET options = excluded.options",
                (self.backend, after, after, time.time(), words),
            )

        known = self.position()
        if known is not None and (options is None or known.options == json.loads(words)):
            return known
        self._write(go)
        known = self.position()
        assert known is not None
        return known

    def position(self) -> Position | None:
        """How far the backend has been fed; None if it never was."""
        return self._read(positions).get(self.backend)

    def batch(self, after: int, limit: int) -> list[tuple[int, Changes]]:
        """At most `limit` entries of the journal after this number, without those of runs in the trash."""

        def read(connection: sqlite3.Connection) -> list[tuple[int, Changes]]:
            entries = feed.read_batch(connection, after, limit)
            hidden = in_trash(connection, {changes.run for _, changes in entries})
            return [(seq, Changes(run=changes.run) if changes.run in hidden else changes) for seq, changes in entries]

        return self._read(read)

    def hidden(self, runs: Iterable[str]) -> set[str]:
        """Which of these runs are in the trash."""
        return self._read(lambda connection: in_trash(connection, set(runs)))

    def advance(self, seq: int) -> None:
        """Everything up to this journal number has arrived."""
        self._write(
            lambda connection: connection.execute(
                "UPDATE cursor SET seq = max(seq, ?), updated = ?, trouble = NULL, since = NULL WHERE backend = ?",
                (seq, time.time(), self.backend),
            )
        )

    def rewind(self, first: int) -> None:
        """Deliver everything after this journal number, again or for the first time."""
        self._write(
            lambda connection: connection.execute(
                "UPDATE cursor SET seq = min(seq, ?1), first = min(first, ?1), updated = ?2 WHERE backend = ?3",
                (first, time.time(), self.backend),
            )
        )

    def stumble(self, trouble: str) -> None:
        """Write down why the backend cannot be fed just now."""
        self._write(
            lambda connection: connection.execute(
                "UPDATE cursor SET trouble = ?1, since = coalesce(since, ?2), tried = ?2 WHERE backend = ?3",
                (trouble, time.time(), self.backend),
            )
        )

    def known(self, runs: Iterable[str]) -> set[str]:
        """Which of these runs the backend has."""
        sql = "SELECT run FROM replica WHERE backend = ? AND delivered = 1 AND run IN (SELECT value FROM json_each(?))"
        asked = json_text(sorted(set(runs)))
        return self._read(lambda connection: {run for (run,) in connection.execute(sql, (self.backend, asked))})

    def arrived(self, runs: Iterable[str]) -> None:
        """The backend has these runs; from here on only what is new is sent."""
        rows = [(self.backend, run) for run in runs]

        def note(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO replica (backend, run, delivered) VALUES (?, ?, 1)"
                " ON CONFLICT (backend, run) DO UPDATE SET delivered = 1 WHERE delivered IS NOT 1",
                rows,
            )
            # Whoever waits sees that it goes on.
            connection.execute("UPDATE cursor SET updated = ? WHERE backend = ?", (time.time(), self.backend))

        self._write(note)

    def last(self) -> int:
        """The newest journal number."""
        return self._read(_last)

    def refused(self) -> dict[str, str]:
        """The runs that the backend would not take, or not whole, and why."""
        sql = "SELECT run, refused FROM replica WHERE backend = ? AND refused IS NOT NULL"
        return self._read(lambda connection: dict(connection.execute(sql, (self.backend,)).fetchall()))

    def forgive(self, runs: Iterable[str]) -> None:
        """Forget that these runs were refused."""
        rows = [(self.backend, run) for run in runs]
        self._write(
            lambda connection: connection.executemany(
                "UPDATE replica SET refused = NULL WHERE backend = ? AND run = ?", rows
            )
        )

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # -- behind them

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return self._do(question, writing=False)

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        self._do(change, writing=True)

    def _do(self, action: Callable[[sqlite3.Connection], T], writing: bool) -> T:
        database = database_of(self._folder)
        if not database.exists():
            self.close()
            raise NotFound(f"{self._folder} holds no store")
        try:
            if self._connection is None:
                self._connection = open_writer(self._folder)
            if not writing:
                return action(self._connection)
            with transaction(self._connection):
                return action(self._connection)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"{database} cannot be used: {error}") from error


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0])


def positions(connection: sqlite3.Connection) -> dict[str, Position]:
    """How far each backend has been fed."""
    if not knows(connection, 4):
        return {}
    rows = connection.execute(
        "SELECT backend, seq, first, updated, options, trouble, since, tried,"
        " (SELECT count(*) FROM journal j WHERE j.seq > c.seq),"
        " (SELECT count(*) FROM replica p WHERE p.backend = c.backend AND p.refused IS NOT NULL) FROM cursor c"
    )
    return {
        backend: Position(seq, first, updated, json.loads(options), *rest)
        for backend, seq, first, updated, options, *rest in rows
    }


def remotes_of(connection: sqlite3.Connection, run: str) -> dict[str, str]:
    """The id that a run has in each backend that has given it one."""
    if not knows(connection, 4):
        return {}
    sql = "SELECT backend, remote FROM replica WHERE run = ? AND remote IS NOT NULL ORDER BY backend"
    found = {backend: str(remote).partition("|")[0] for backend, remote in connection.execute(sql, (run,))}
    return {backend: remote for backend, remote in found.items() if remote}


def in_trash(connection: sqlite3.Connection, runs: set[str]) -> set[str]:
    """Which of these runs are in the trash, with their experiment or by themselves."""
    rows = connection.execute(
        "SELECT r.id FROM run r JOIN experiment e ON e.id = r.experiment"
        " WHERE r.id IN (SELECT value FROM json_each(?)) AND (r.deleted IS NOT NULL OR e.deleted IS NOT NULL)",
        (json_text(sorted(runs)),),
    )
    return {run for (run,) in rows}
