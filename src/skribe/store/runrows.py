"""One run: found by its id or by the beginning of it, and read as it is now."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from skribe.errors import Ambiguous, NotFound
from skribe.records import Failure
from skribe.store.migrations import knows
from skribe.store.reader import Snapshots
from skribe.store.reap import Pulse, last_seen
from skribe.store.selection import status_sql

_DIGITS = frozenset("0123456789abcdef")
_SHORTEST = 4


class RunRow(NamedTuple):
    """One run as the store knows it. Times are seconds since 1970 (UTC)."""

    num: int
    id: str
    name: str
    kind: str
    status: str
    experiment: str
    parent: str | None
    estimator_name: str | None
    estimator_class: str | None
    start: float
    end: float | None
    wall: float | None
    cpu: float | None
    error: Failure | None
    deleted: float | None


class RunReader(Snapshots):
    """What every reader of one store begins with."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(Path(os.path.abspath(path)))
        self._pulse = Pulse()

    def run_row(self, text: str) -> RunRow:
        """The run with this id, or whose id begins so, or whose last 8 digits (4 at least) begin so."""
        with self._snapshot() as connection:
            return self._run_row(connection, text)

    def _of(self, run: str | RunRow, sql: str) -> list[Any]:
        with self._snapshot() as connection:
            return connection.execute(sql, (self._number(connection, run),)).fetchall()

    def _number(self, connection: sqlite3.Connection, run: str | RunRow) -> int:
        if isinstance(run, RunRow):
            row = connection.execute("SELECT num FROM run WHERE id = ?", (run.id,)).fetchone()
        else:
            row = connection.execute("SELECT num FROM run WHERE id = ?", (storable_text(run),)).fetchone()
            row = row or (self._run_row(connection, run).num,)
        if row is None:
            raise NotFound(f"run {run.id if isinstance(run, RunRow) else run} is no longer in {self.folder}")
        return int(row[0])

    def _run_row(self, connection: sqlite3.Connection, text: str) -> RunRow:
        rows = self._rows(connection, "r.id = ?", (storable_text(text),))
        if not rows:
            rows = self._candidates(connection, text) or self._elsewhere(connection, text)
        if not rows:
            if not self._database.exists():
                raise NotFound(f"there is no run {text!r}: {self.folder} holds no store yet")
            raise NotFound(f"there is no run {text!r} in {self.folder}")
        if len(rows) > 1:
            shown = "\n".join(f"  {row.id}  {moment_text(row.start)}  {row.name}" for row in rows[:5])
            more = "\n  ..." if len(rows) > 5 else ""
            raise Ambiguous(f"{text!r} is the beginning of more than one run's id:\n{shown}{more}")
        return rows[0]

    def _elsewhere(self, connection: sqlite3.Connection, text: str) -> list[RunRow]:
        """The run that has this id in a backend."""
        if len(text) < _SHORTEST or not knows(connection, 4):
            return []
        where = "r.id IN (SELECT run FROM replica WHERE remote = ?1 OR (remote >= ?1 || '|' AND remote < ?1 || '}'))"
        return self._rows(connection, where, (storable_text(text.strip()),))

    def _candidates(self, connection: sqlite3.Connection, text: str) -> list[RunRow]:
        digits = text.strip().lower().replace("-", "")
        if not _SHORTEST <= len(digits) <= 32 or not _DIGITS.issuperset(digits):
            return []
        cuts = (0, 8, 12, 16, 20, 32)
        dashed = "-".join(digits[a:b] for a, b in itertools.pairwise(cuts) if digits[a:b])
        where = "r.num IN (SELECT num FROM run WHERE id >= ? AND id < ?"
        bounds = [dashed, dashed + "g"]
        if len(digits) <= 8:
            where += " UNION SELECT num FROM run WHERE short >= ? AND short < ?"
            bounds += [digits, digits + "g"]
        return self._rows(connection, where + ") ORDER BY r.start DESC LIMIT 6", bounds)

    def _rows(self, connection: sqlite3.Connection, where: str, parameters: Sequence[Any]) -> list[RunRow]:
        sql = (
            f"SELECT r.num, r.id, r.name, r.kind, {status_sql(self._pulse.dead(connection))}, r.status, e.name,"
            ' p.id, r.estimator_name, r.estimator_class, r.start, r."end", r.wall, r.cpu, r.error_type,'
            " r.error_message, r.traceback, r.deleted FROM run r JOIN experiment e ON e.id = r.experiment"
            f" LEFT JOIN run p ON p.num = r.parent WHERE {where}"
        )
        found = []
        for row in connection.execute(sql, parameters).fetchall():
            num, run_id, name, kind, status, written, *middle = row
            experiment, parent, estimator, class_, start, end, wall, cpu, *error, deleted = middle
            if status != written:
                end = max(start, last_seen(connection, num) or start)
            failure = None if error[0] is None else Failure(*error)
            found.append(
                RunRow(
                    num, run_id, name, kind, status, experiment, parent, estimator, class_,
                    start, end, wall, cpu, failure, deleted,
                )
            )  # fmt: skip
        return found


def storable_text(text: str) -> str:
    """The text as the database holds it: lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def moment_text(moment: float) -> str:
    """A moment for people: `2026-09-21 13:00:00 UTC`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
