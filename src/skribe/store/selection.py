"""Which runs, and in which order: the arguments of `runs()` as SQL."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from skribe.errors import ArgumentError, QueryError
from skribe.records import Kind, Status
from skribe.store.where import FIELDS, GROUPS, Condition, compile_where, show

_FROM = "FROM run r JOIN experiment e ON e.id = r.experiment LEFT JOIN run p ON p.num = r.parent"
DURATION = "r.wall"
KINDS = get_args(Kind)
STATUSES = get_args(Status)
_ORDERS = {
    "run_id": "r.id",
    "id": "r.id",
    "name": "r.name",
    "kind": "r.kind",
    "status": "{status}",
    "experiment": "e.name",
    "estimator": "r.estimator_name",
    "parent_id": "r.parent",
    "start": "r.start",
    "end": 'r."end"',
    "duration": DURATION,
}


def _check_words(given: Sequence[Any], known: Sequence[str]) -> None:
    for word in given:
        if word not in known:
            raise ArgumentError(f"there are no runs of {word!r}: use one of {', '.join(known)}")


def status_sql(dead: Sequence[int]) -> str:
    """A run's status, as SQL: `killed` where the file still says `running` and the process is one of the dead."""
    if not dead:
        return "r.status"
    numbers = ",".join(map(str, dead))
    # One text instead of a list: SQL may not be nested or repeated without limit, and there may be thousands.
    among = f"r.process IN (SELECT value FROM json_each('[{numbers}]'))"
    return f"CASE WHEN r.status = 'running' AND {among} THEN 'killed' ELSE r.status END"


@dataclass(frozen=True, slots=True)
class Selection:
    """What `Query.runs_frame` was asked for."""

    experiment: str | None = None
    where: str | None = None
    children: bool = False
    kind: str | Sequence[str] | None = None
    status: str | Sequence[str] | None = None
    sort_by: str | None = None
    ascending: bool = False
    limit: int | None = None
    offset: int = 0
    deleted: bool = False
    parent: int | None = None  # run.num: only the runs directly inside of this one

    def rows(self, connection: sqlite3.Connection, dead: Sequence[int], cells: str) -> list[Any]:
        """These cells of the runs, in order; the first is `r.num`. `{status}` in them stands for the status."""
        status = status_sql(dead)
        condition = self.condition(status)
        order, order_parameters = self._order(status)
        limit = self.bounds()
        sql = f"SELECT {cells.format(status=status)} {_FROM} WHERE {condition.sql} {order} LIMIT ? OFFSET ?"
        rows = run_sql(connection, sql, (*condition.parameters, *order_parameters, *limit))
        if not rows and condition.keys and not self.offset:
            self.suspect(connection, condition)
        if rows and (by := self.sort_key()) is not None:
            # What has no value comes last: if the first of them has none, then none of them has.
            first = f"SELECT 1 FROM {GROUPS[by[0]]} WHERE run = ? AND key = ?"
            if connection.execute(first, (rows[0][0], by[1])).fetchone() is None:
                self.suspect_order(connection)
        return rows

    def count(self, connection: sqlite3.Connection, dead: Sequence[int]) -> int:
        """How many runs there are, whatever the limit."""
        condition = self.condition(status_sql(dead))
        sql = f"SELECT count(*) {_FROM.split(' LEFT JOIN')[0]} WHERE {condition.sql}"
        number = int(run_sql(connection, sql, condition.parameters)[0][0])
        if not number and condition.keys:
            self.suspect(connection, condition)
        return number

    def condition(self, status: str) -> Condition:
        """Which runs, as SQL over `run r JOIN experiment e`. `status` is the SQL of a run's status."""
        parts: list[str] = []
        parameters: list[Any] = []
        keys: tuple[tuple[str, str, int], ...] = ()
        if self.deleted:
            parts.append("(r.deleted IS NOT NULL OR e.deleted IS NOT NULL)")
        else:
            parts.append("r.deleted IS NULL AND e.deleted IS NULL")
        if self.parent is not None:
            parts.append("r.parent = ?")
            parameters.append(self.parent)
        elif not self.children:
            parts.append("r.parent IS NULL")
        if self.experiment is not None:
            parts.append("e.name = ?")
            parameters.append(self.experiment)
        for wanted, column in ((self.kind, "r.kind"), (self.status, status)):
            if wanted is not None:
                values = [wanted] if isinstance(wanted, str) else list(wanted)
                _check_words(values, KINDS if column == "r.kind" else STATUSES)
                parts.append(f"{column} IN ({', '.join('?' * len(values))})")
                parameters += values
        if self.where is not None:
            condition = compile_where(self.where, status)
            parts.append(condition.sql)
            parameters += condition.parameters
            keys = condition.keys
        return Condition(" AND ".join(parts), tuple(parameters), keys)

    def sort_key(self) -> tuple[str, str] | None:
        """The group and the key of what the runs are sorted by; None if that is a column that every run has."""
        if self.sort_by is None or self.sort_by in _ORDERS:
            return None
        group, dot, key = str(self.sort_by).partition(".")
        if dot and group in GROUPS and key:
            # As the database holds it: lone surrogates escaped.
            return group, key.encode("utf-8", "backslashreplace").decode()
        near = difflib.get_close_matches(str(self.sort_by), [*_ORDERS, *(f"{g}.X" for g in GROUPS)], 2)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ArgumentError(
            f"sort_by={self.sort_by!r} is not a column: use one of {', '.join(_ORDERS)},"
            f" or params.X, metrics.X, tags.X, facts.X{hint}"
        )

    def plain_order(self, status: str) -> str:
        """The order as SQL, where it is by a column that every run has."""
        way = "ASC" if self.ascending else "DESC"
        if self.sort_by is None:
            return f"ORDER BY r.start {way}, r.num {way}"
        if self.sort_by == "start":
            return f"ORDER BY r.start {way}, r.num DESC"
        column = _ORDERS[self.sort_by].format(status=status)
        # What has no value comes last, whichever way.
        return f"ORDER BY {column} IS NULL, {column} {way}, r.start DESC, r.num DESC"

    def _order(self, status: str) -> tuple[str, tuple[Any, ...]]:
        by = self.sort_key()
        if by is None:
            return self.plain_order(status), ()
        way = "ASC" if self.ascending else "DESC"
        group, key = by
        cell = f"(SELECT {{}} FROM {GROUPS[group]} WHERE run = r.num AND key = ?)"
        if group in ("metrics", "tags"):
            value = cell.format("value")
            return f"ORDER BY {value} IS NULL, {value} {way}, r.start DESC, r.num DESC", (key, key)
        number, text = cell.format("number"), cell.format("value")
        order = (
            f"ORDER BY {text} IS NULL, {number} IS NULL, coalesce({number}, {text}) {way}, r.start DESC, r.num DESC"
        )
        return order, (key,) * 4

    def bounds(self) -> tuple[int, int]:
        """The limit (-1: none) and the offset. ArgumentError if they are no such."""
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ArgumentError(f"{name}={value!r} must be a whole number, 0 or more")
        return (-1 if self.limit is None else self.limit), self.offset

    def suspect(self, connection: sqlite3.Connection, condition: Condition) -> None:
        """Nothing was found: if that is because no run has such a key, it is a mistake and worth an error."""
        for group, key, at in condition.keys:
            if (hint := _unknown(connection, group, key)) is not None:
                text = " ".join((self.where or "").splitlines())
                raise QueryError(show(text, at, f"no run has {group}.{key}{hint}"))

    def suspect_order(self, connection: sqlite3.Connection) -> None:
        """None of the runs has what they are sorted by: if no run at all has it, likewise."""
        by = self.sort_key()
        if by is not None and (hint := _unknown(connection, *by)) is not None:
            raise ArgumentError(f"sort_by={self.sort_by!r}: no run has {'.'.join(by)}{hint}")


def _unknown(connection: sqlite3.Connection, group: str, key: str) -> str | None:
    """Names that are like this one, if no run has such a key; None if one has, or if there are no runs."""
    table = GROUPS[group]
    if connection.execute("SELECT 1 FROM run LIMIT 1").fetchone() is None:
        return None
    if connection.execute(f"SELECT 1 FROM {table} WHERE key = ? LIMIT 1", (key,)).fetchone():
        return None
    used = connection.execute(
        f"SELECT DISTINCT key FROM {table} WHERE run IN (SELECT num FROM run ORDER BY num DESC LIMIT 1000)"
    ).fetchall()
    near = difflib.get_close_matches(key, [name for (name,) in used], 3, 0.5)
    return f"; did you mean {' or '.join(f'{group}.{name}' for name in near)}?" if near else ""


def run_sql(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows. QueryError if the condition is too much for SQLite."""
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        # SQLite has its own limits of depth and length, and says so when it reads the statement.
        if "too" in str(error) or "stack overflow" in str(error):
            raise QueryError(f"the condition is too long or nested too deeply ({error})") from error
        raise


assert set(FIELDS) <= set(_ORDERS)
