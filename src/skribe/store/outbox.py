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
from skribe.store import feed, forks
from skribe.store.codec import json_text
from skribe.store.connection import identity_of, open_writer, transaction
from skribe.store.location import artifacts_of, database_of
from skribe.store.migrations import knows
from skribe.store.reap import orphans, reap

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


class Refusal(NamedTuple):
    """What a backend would not take of a run, a line for each part."""

    backend: str
    run: str
    reasons: str


_ABOVE = " UNION SELECT up.run, r.parent FROM up JOIN run r ON r.num = up.num WHERE r.parent IS NOT NULL)"
_WANTED = (
    "WITH RECURSIVE up (run, num) AS (SELECT num, num FROM run WHERE id IN (SELECT value FROM json_each(?1))"
    f"{_ABOVE} SELECT DISTINCT me.id FROM up JOIN run top ON top.num = up.num JOIN run me ON me.num = up.run"
    " JOIN replica p ON p.backend = ?2 AND p.run = top.id"
)
_FIRST_MEANT = "SELECT min(r.seq_start) FROM replica p JOIN run r ON r.id = p.run WHERE p.backend = ?"
_MINE = (
    f"WITH RECURSIVE up (run, num) AS (SELECT DISTINCT run, run FROM journal WHERE seq > :after{_ABOVE},"
    " mine (run) AS (SELECT DISTINCT up.run FROM up JOIN run top ON top.num = up.num"
    " JOIN replica p ON p.backend = :backend AND p.run = top.id)"
)
_PENDING = (
    "SELECT count(DISTINCT j.run), count(*) FROM journal j JOIN run r ON r.num = j.run"
    " JOIN experiment e ON e.id = r.experiment WHERE j.seq > :after AND r.deleted IS NULL AND e.deleted IS NULL"
)


# What is named in an entry alone, and not in the run, goes along.
_ERASED_LATER = (
    "UPDATE erasure SET seq = ?1 WHERE seq IN (SELECT e.seq FROM erasure e JOIN journal j ON j.seq = e.seq"
    " JOIN run r ON r.num = j.run WHERE r.id = ?2)"
)


class StoreOutbox:
    """What waits in one store for one backend."""

    def __init__(self, folder: Path, backend: str) -> None:
        self._folder = folder
        self.backend = backend
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self.replaced = 0  # how often another store was found at this place

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
        """Where to go on. A backend that is new here begins after `first`; None: after what is there by now.

        It begins earlier if runs are meant for it that other processes wrote before.
        """
        words = json_text(dict(options or {}))

        def go(connection: sqlite3.Connection) -> None:
            after = first if first is not None else _last(connection)
            (meant,) = connection.execute(_FIRST_MEANT, (self.backend,)).fetchone()
            after = after if meant is None else min(after, meant - 1)
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

    def wanted(self, runs: Iterable[str]) -> set[str]:
        """Which of these runs, or the runs that they are inside of, are to be delivered to this backend."""
        asked = json_text(sorted(set(runs)))
        return self._read(
            lambda connection: {run for (run,) in connection.execute(_WANTED, (asked, self.backend)).fetchall()}
        )

    def reap(self) -> None:
        """Write down how the runs of processes ended that are dead."""

        def go(connection: sqlite3.Connection) -> None:
            if orphans(connection):
                with transaction(connection):
                    reap(connection, _last_ever(connection) + 1)

        self._read(go)

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

    def postpone(self, runs: Iterable[str]) -> None:
        """The turn of these runs comes again, after all that is in the journal by now; then they are sent whole."""
        listed = list(runs)

        def go(connection: sqlite3.Connection) -> None:
            for run in listed:
                sql = "INSERT INTO journal (run, time) SELECT num, ? FROM run WHERE id = ?"
                seq = connection.execute(sql, (time.time(), run)).lastrowid
                connection.execute(_ERASED_LATER, (seq, run))
                connection.execute(
                    "UPDATE replica SET delivered = NULL WHERE backend = ? AND run = ?", (self.backend, run)
                )

        self._write(go)

    def last_ever(self) -> int:
        """The newest journal number that was ever given."""
        return self._read(_last_ever)

    def refused(self) -> list[Refusal]:
        """The runs that the backend would not take, or not whole, and why."""
        return self._read(lambda connection: refusals(connection, self.backend))

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
        identity = identity_of(database)
        if self._connection is not None and identity != self._identity:
            # Closing it could take the log of the store that is there now for its own.
            forks.abandon(self._connection)
            self._connection = None
            self.replaced += 1
        if identity is None:
            raise NotFound(f"{self._folder} holds no store")
        try:
            if self._connection is None:
                self._connection = open_writer(self._folder)
                self._identity = identity_of(database)
            if not writing:
                return action(self._connection)
            with transaction(self._connection):
                return action(self._connection)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"{database} cannot be used: {error}") from error


def _last_ever(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    return 0 if row is None else int(row[0])


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0])


def positions(connection: sqlite3.Connection) -> dict[str, Position]:
    """How far each backend has been fed."""
    if not knows(connection, 4):
        return {}
    rows = connection.execute("SELECT backend, seq, first, updated, options, trouble, since, tried FROM cursor")
    return {
        backend: Position(seq, first, updated, json.loads(options), *rest)
        for backend, seq, first, updated, options, *rest in rows
    }


def backends_in(connection: sqlite3.Connection) -> set[str]:
    """The backends that runs are to be delivered to, or have been."""
    if not knows(connection, 4):
        return set()
    return {name for (name,) in connection.execute("SELECT backend FROM cursor UNION SELECT backend FROM replica")}


def pending(connection: sqlite3.Connection, backend: str, after: int, everything: bool = False) -> tuple[int, int]:
    """How many runs wait for a backend that was fed up to this journal number, and how many entries about them."""
    if not knows(connection, 4):
        return 0, 0
    sql = _PENDING if everything else f"{_MINE} {_PENDING} AND j.run IN (SELECT run FROM mine)"
    runs, entries = connection.execute(sql, {"backend": backend, "after": after}).fetchone()
    return int(runs), int(entries)


def refusals(connection: sqlite3.Connection, backend: str | None = None, run: str | None = None) -> list[Refusal]:
    """What backends would not take."""
    if not knows(connection, 4):
        return []
    sql = (
        "SELECT backend, run, refused FROM replica WHERE refused IS NOT NULL AND backend = coalesce(?, backend)"
        " AND run = coalesce(?, run) ORDER BY backend, run"
    )
    return [Refusal(*row) for row in connection.execute(sql, (backend, run))]


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
