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

    def rows(self, connection: sqlite3.Connection, dead: Sequence[int], cells: str) -> list[Any]:
        """These cells of the runs, in order. `{status}` in them stands for the status."""
        status = status_sql(dead)
        condition = self._condition(status)
        order, order_parameters = self._order(status)
        limit = self._bounds()
        sql = f"SELECT {cells.format(status=status)} {_FROM} WHERE {condition.sql} {order} LIMIT ? OFFSET ?"
        rows = _run(connection, sql, (*condition.parameters, *order_parameters, *limit))
        if not rows and condition.keys and not self.offset:
            self._suspect(connection, condition)
        return rows

    def count(self, connection: sqlite3.Connection, dead: Sequence[int]) -> int:
        """How many runs there are, whatever the limit."""
        condition = self._condition(status_sql(dead))
        sql = f"SELECT count(*) {_FROM.split(' LEFT JOIN')[0]} WHERE {condition.sql}"
        number = int(_run(connection, sql, condition.parameters)[0][0])
        if not number and condition.keys:
            self._suspect(connection, condition)
        return number

    def _condition(self, status: str) -> Condition:
        parts: list[str] = []
        parameters: list[Any] = []
        keys: tuple[tuple[str, str, int], ...] = ()
        if self.deleted:
            parts.append("(r.deleted IS NOT NULL OR e.deleted IS NOT NULL)")
        else:
            parts.append("r.deleted IS NULL AND e.deleted IS NULL")
        if not self.children:
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

    def _order(self, status: str) -> tuple[str, tuple[Any, ...]]:
        way = "ASC" if self.ascending else "DESC"
        if self.sort_by is None:
            return f"ORDER BY r.start {way}, r.num {way}", ()
        # What has no value comes last, whichever way.
        if self.sort_by in _ORDERS:
            column = _ORDERS[self.sort_by].format(status=status)
            return f"ORDER BY {column} IS NULL, {column} {way}, r.start DESC, r.num DESC", ()
        group, dot, key = self.sort_by.partition(".")
        if not dot or group not in GROUPS or not key:
            near = difflib.get_close_matches(self.sort_by, [*_ORDERS, *(f"{g}.X" for g in GROUPS)], 2)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ArgumentError(
                f"sort_by={self.sort_by!r} is not a column: use one of {', '.join(_ORDERS)},"
                f" or params.X, metrics.X, tags.X, facts.X{hint}"
            )
        cell = f"(SELECT {{}} FROM {GROUPS[group]} WHERE run = r.num AND key = ?)"
        if group in ("metrics", "tags"):
            value = cell.format("value")
            return f"ORDER BY {value} IS NULL, {value} {way}, r.start DESC, r.num DESC", (key, key)
        number, text = cell.format("number"), cell.format("value")
        order = f"ORDER BY {text} IS NULL, {number} IS NULL, {number} {way}, {text} {way}, r.start DESC, r.num DESC"
        return order, (key,) * 4

    def _bounds(self) -> tuple[int, int]:
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ArgumentError(f"{name}={value!r} must be a whole number, 0 or more")
        return (-1 if self.limit is None else self.limit), self.offset

    def _suspect(self, connection: sqlite3.Connection, condition: Condition) -> None:
        """Nothing was found: if that is because no run has such a key, it is a mistake and worth an error."""
        if connection.execute("SELECT 1 FROM run LIMIT 1").fetchone() is None:
            return
        for group, key, at in condition.keys:
            table = GROUPS[group]
            if connection.execute(f"SELECT 1 FROM {table} WHERE key = ? LIMIT 1", (key,)).fetchone():
                continue
            used = connection.execute(
                f"SELECT DISTINCT key FROM {table} WHERE run IN (SELECT num FROM run ORDER BY num DESC LIMIT 1000)"
            ).fetchall()
            near = difflib.get_close_matches(key, [name for (name,) in used], 3, 0.5)
            hint = f"; did you mean {' or '.join(f'{group}.{name}' for name in near)}?" if near else ""
            text = " ".join((self.where or "").splitlines())
            raise QueryError(show(text, at, f"no run has {group}.{key}{hint}"))


def _run(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> list[Any]:
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        # SQLite has its own limits of depth and length, and says so when it reads the statement.
        if "too" in str(error) or "stack overflow" in str(error):
            raise QueryError(f"the condition is too long or nested too deeply ({error})") from error
        raise


assert set(FIELDS) <= set(_ORDERS)
