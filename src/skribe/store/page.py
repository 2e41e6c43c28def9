"""Pages of the table of runs, for whoever scrolls through a hundred thousand of them. No pandas, no numpy.

What a page costs is working out the order of all runs. It is remembered until the store changes, so that the next
page costs only its own rows; see `skribe.store.columns` for what is remembered longer.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import sys
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from skribe.errors import ArgumentError, SkribeError
from skribe.store.columns import Column, Columns, shown
from skribe.store.reader import Snapshots
from skribe.store.runrows import RunReader, storable_text
from skribe.store.selection import Selection, run_sql, status_sql
from skribe.store.values import decode
from skribe.store.where import GROUPS

# The beginning of an order is found without sorting the rest, and enough for who does not scroll far.
_HEAD = 500
# So many orders are remembered, those used last.
_MOST = 16
_FROM = "FROM run r JOIN experiment e ON e.id = r.experiment"
_THESE = "(SELECT value AS num FROM json_each(?))"
_VARIES = {
    "params": "min(value) IS NOT max(value) OR min(type) IS NOT max(type)",
    # NaN is stored as NULL, which min and max do not see.
    "metrics": "min(value) IS NOT max(value) OR count(value) NOT IN (0, count(*))",
    "tags": "min(value) IS NOT max(value)",
}

_CHOSEN = {
    "params": "sum(type NOT IN ('object', 'json') AND CASE WHEN is_default IS NULL THEN instr(key, '__') = 0"
    " ELSE NOT is_default END)"
}


class RunLine(NamedTuple):
    """One row of the table. `cells` are the values of the columns that were asked for: None where there is none.

    `children` is how many runs are directly inside; `of_child` says that the run stands where it stands because of
    the best of these.
    """

    id: str
    name: str
    kind: str
    status: str
    experiment: str
    start: float
    duration: float | None
    estimator: str | None
    parent: str | None
    children: int
    of_child: bool
    cells: tuple[Any, ...]


class RunsPage(NamedTuple):
    """Some rows of the table, and how many it has."""

    total: int
    rows: list[RunLine]


class KeyCount(NamedTuple):
    """How many runs have a key, whether those that have it differ in its value, and how many chose it.

    A parameter is chosen if it is no default, but a plain value; all else is.
    """

    key: str
    count: int  # type: ignore[assignment]
    varies: bool
    chosen: int


@dataclass(slots=True)
class _Order:
    """How many runs there are, and their numbers in order: all, or the first of them."""

    total: int
    numbers: array[int]


class _Desk(Snapshots):
    """One connection for all threads, which take turns, and what has been worked out on it."""

    def _reset(self) -> None:
        super()._reset()
        # Each thread would work out the same again on a connection of its own.
        self._local = cast("threading.local", SimpleNamespace())
        self._turn = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._known: sqlite3.Connection | None = None
        self._version = -1
        self._columns: Columns | None = None
        self._orders: dict[Any, _Order] = {}
        self._totals: dict[Any, int] = {}

    @contextmanager
    def work(self) -> Iterator[tuple[sqlite3.Connection, Columns]]:
        """The connection, seeing one moment of the store, and its columns as of this moment."""
        with self._turn, self._snapshot() as connection:
            try:
                columns = self._look(connection)
                yield connection, columns
                columns.trim()
                # Unlike a rollback this keeps the temporary tables; nothing else can have been written.
                connection.execute("COMMIT")
            except SkribeError:
                connection.execute("COMMIT")
                raise
            except BaseException:
                self._forget()
                raise

    def _look(self, connection: sqlite3.Connection) -> Columns:
        # This begins the transaction: what comes next is of the same moment.
        (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
        # Different after any commit of anybody else. It says so about this connection only.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._columns is None or self._known is not connection:
            self._forget()
            self._known, self._columns = connection, Columns(connection)
        elif version == self._version:
            return self._columns
        self._version = version
        self._orders.clear()
        self._totals.clear()
        self._columns.store_changed(int(seq))
        return self._columns

    # -- which runs, in which order

    def numbers(
        self, connection: sqlite3.Connection, columns: Columns, asked: Selection, dead: Sequence[int]
    ) -> tuple[int, array[int]]:
        """How many runs there are, and the numbers of those between the bounds."""
        limit, offset = asked.bounds()
        enough = sys.maxsize if limit < 0 else offset + limit
        order = self._ordered(connection, columns, replace(asked, limit=None, offset=0), dead, enough)
        return order.total, order.numbers[offset:enough]

    def _ordered(
        self, connection: sqlite3.Connection, columns: Columns, asked: Selection, dead: Sequence[int], enough: int
    ) -> _Order:
        """The order, known far enough."""
        order = self._orders.pop((asked, tuple(dead)), None)
        if order is None or len(order.numbers) < min(enough, order.total):
            by = asked.sort_key()
            # By the start everything is sorted as quickly as its beginning is found.
            if enough <= _HEAD and asked.sort_by not in (None, "start"):
                order = self._sorted_by_sql(connection, columns, asked, dead, _HEAD)
            elif by is None:
                order = self._sorted_by_sql(connection, columns, asked, dead, -1)
            else:
                order = self._sorted_here(connection, columns, asked, dead, by)
        self._orders[asked, tuple(dead)] = order
        for remembered in (self._orders, self._totals):
            if len(remembered) > _MOST:
                del remembered[next(iter(remembered))]
        return order

    def _sorted_by_sql(
        self, connection: sqlite3.Connection, columns: Columns, asked: Selection, dead: Sequence[int], most: int
    ) -> _Order:
        status = status_sql(dead)
        condition = columns.through(asked.condition(status))
        joined, sorting = self._sorting(connection, columns, asked, status)
        sql = f"SELECT r.num {_FROM} {joined} WHERE {condition.sql} {sorting} LIMIT ?"
        rows = run_sql(connection, sql, (*condition.parameters, most))
        numbers = array("q", (number for (number,) in rows))
        if not numbers and condition.keys:
            asked.suspect(connection, condition)
        # The same runs in another order are as many.
        these = (replace(asked, sort_by=None, ascending=False), tuple(dead))
        total = len(numbers) if len(numbers) != most else self._totals.get(these)
        if total is None:
            sql = f"SELECT count(*) {_FROM} WHERE {condition.sql}"
            total = int(run_sql(connection, sql, condition.parameters)[0][0])
        self._totals[these] = total
        return _Order(total, numbers)

    def _sorted_here(
        self,
        connection: sqlite3.Connection,
        columns: Columns,
        asked: Selection,
        dead: Sequence[int],
        by: tuple[str, str],
    ) -> _Order:
        """All runs in the order of a key. SQLite takes up to five times as long to sort that many.

        What is equal stays in the order of the start; what has no value comes last, numbers before texts.
        """
        left = list(
            self._ordered(
                connection, columns, replace(asked, sort_by=None, ascending=False), dead, sys.maxsize
            ).numbers
        )
        column = self._column(connection, columns, asked, by)
        total = len(left)
        numbers = array("q")
        for sql in self._values(columns, column, asked):
            values = dict(connection.execute(sql).fetchall())
            found = [number for number in left if number in values]
            left = [number for number in left if number not in values]
            found.sort(key=values.__getitem__, reverse=not asked.ascending)
            numbers.extend(found)
        numbers.extend(left)
        return _Order(total, numbers)

    @staticmethod
    def _values(columns: Columns, column: Column, asked: Selection) -> tuple[str, ...]:
        """What finds the values to sort by: those of the first come before those of the second."""
        if column.group in ("params", "facts"):
            return (
                f"SELECT run, number FROM {column.name} WHERE number IS NOT NULL",
                f"SELECT run, value FROM {column.name} WHERE number IS NULL",
            )
        own = f"SELECT run, value FROM {column.name} WHERE value IS NOT NULL"
        if column.group == "tags":
            return (own,)
        best = (
            f"SELECT run, {'low' if asked.ascending else 'high'} FROM {columns.best_children(column, asked.deleted)}"
        )
        return (f"{own} UNION ALL {best} WHERE run NOT IN (SELECT run FROM {column.name})",)

    @staticmethod
    def _column(connection: sqlite3.Connection, columns: Columns, asked: Selection, by: tuple[str, str]) -> Column:
        column = columns.column(*by)
        if columns.is_empty(column):
            asked.suspect_order(connection)
        return column

    def _sorting(
        self, connection: sqlite3.Connection, columns: Columns, asked: Selection, status: str
    ) -> tuple[str, str]:
        """What is joined for the order, and the order itself, as SQL."""
        by = asked.sort_key()
        if by is None:
            return "", asked.plain_order(status)
        column = self._column(connection, columns, asked, by)
        joined = f"LEFT JOIN {column.name} s ON s.run = r.num"
        way = "ASC" if asked.ascending else "DESC"
        last = "r.start DESC, r.num DESC"
        if by[0] in ("params", "facts"):
            return joined, f"ORDER BY s.run IS NULL, s.number IS NULL, coalesce(s.number, s.value) {way}, {last}"
        value = "s.value"
        if by[0] == "metrics":
            joined += f" LEFT JOIN {columns.best_children(column, asked.deleted)} b ON b.run = r.num"
            value = f"CASE WHEN s.run IS NULL THEN b.{'low' if asked.ascending else 'high'} ELSE s.value END"
        return joined, f"ORDER BY ({value}) IS NULL, {value} {way}, {last}"

    @staticmethod
    def by_child(
        connection: sqlite3.Connection, columns: Columns, asked: Selection, numbers: Sequence[int]
    ) -> set[int]:
        """Those of the runs that have not the metric themselves, and stand where their best child does."""
        by = asked.sort_key()
        if by is None or by[0] != "metrics":
            return set()
        column = columns.column(*by)
        sql = (
            f"SELECT run FROM {columns.best_children(column, asked.deleted)} WHERE run IN {_THESE}"
            f" AND run NOT IN (SELECT run FROM {column.name})"
        )
        return {number for (number,) in connection.execute(sql, (json.dumps(list(numbers)),))}


class PageReader(RunReader):
    """The part of `Query` that reads the table of runs page by page."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._desk = _Desk(self.folder)

    def close(self) -> None:
        """Close the connections of all threads. The next call opens new ones."""
        super().close()
        self._desk.close()

    def runs_page(
        self,
        experiment: str | None = None,
        where: str | None = None,
        *,
        parent: str | None = None,
        children: bool = False,
        kind: str | Sequence[str] | None = None,
        status: str | Sequence[str] | None = None,
        sort_by: str | None = None,
        ascending: bool = False,
        limit: int = 100,
        offset: int = 0,
        deleted: bool = False,
        columns: Sequence[str] = (),
    ) -> RunsPage:
        """Some of the rows that `runs_frame` would have, with the cells `params.X`, `metrics.X`, `tags.X`, `facts.X`.

        With `parent` the runs directly inside of that one. Sorted by a metric, a run that does not have it itself
        stands where the best of its children would stand.
        """
        wanted = [_wanted(name) for name in _listed(columns)]
        asked = Selection(
            experiment, where, children, _words(kind), _words(status), sort_by, ascending, limit, offset, deleted
        )
        with self._desk.work() as (connection, all_columns):
            if parent is not None:
                asked = replace(asked, parent=self._run_row(connection, parent).num)
            dead = self._pulse.dead(connection)
            total, numbers = self._desk.numbers(connection, all_columns, asked, dead)
            of_child = self._desk.by_child(connection, all_columns, asked, numbers)
            lines = _lines(connection, numbers, status_sql(dead), deleted)
            cells = [_cells(connection, numbers, group, key) for group, key in wanted]
        rows = [
            lines[number]._replace(of_child=number in of_child, cells=tuple([column.get(number) for column in cells]))
            for number in numbers
        ]
        return RunsPage(total, rows)

    def warm_columns(self, names: Sequence[str]) -> None:
        """Get ready for sorting and filtering by these, so that the first time is as quick as the next.

        It takes a while for each; pages that are asked for meanwhile come in between.
        """
        for group, key in [_wanted(name) for name in _listed(names)]:
            with self._desk.work() as (_, columns):
                columns.column(group, key)

    def key_counts(
        self,
        group: str,
        experiment: str | None = None,
        where: str | None = None,
        *,
        children: bool = False,
        kind: str | Sequence[str] | None = None,
        status: str | Sequence[str] | None = None,
        deleted: bool = False,
        newest: int = 2000,
    ) -> list[KeyCount]:
        """The keys of `params`, `metrics` or `tags` that the newest of these runs have, sorted."""
        if group not in _VARIES:
            raise ArgumentError(f"there are no keys of {group!r}: use one of {', '.join(_VARIES)}")
        asked = Selection(experiment, where, children, _words(kind), _words(status), limit=newest, deleted=deleted)
        sql = (
            f"SELECT key, count(*), {_VARIES[group]}, {_CHOSEN.get(group, 'count(*)')}"
            f" FROM {_THESE} CROSS JOIN {GROUPS[group]} ON run = num"
            " GROUP BY key ORDER BY key"
        )
        with self._desk.work() as (connection, columns):
            _, numbers = self._desk.numbers(connection, columns, asked, self._pulse.dead(connection))
            rows = connection.execute(sql, (json.dumps(list(numbers)),)).fetchall()
        return [KeyCount(key, count, bool(varies), chosen) for key, count, varies, chosen in rows]


def _words(given: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    return given if given is None or isinstance(given, str) else tuple(given)


def _listed(columns: Sequence[str]) -> Sequence[str]:
    if isinstance(columns, str):
        raise ArgumentError(f"columns={columns!r} must be a list of names, such as [{columns!r}]")
    return columns


def _wanted(name: str) -> tuple[str, str]:
    """The group and the key of a column."""
    group, dot, key = name.partition(".")
    if not dot or group not in GROUPS or not key:
        raise ArgumentError(f"columns={name!r} is not a column: use params.X, metrics.X, tags.X or facts.X")
    return group, storable_text(key)


def _lines(connection: sqlite3.Connection, numbers: Iterable[int], status: str, deleted: bool) -> dict[int, RunLine]:
    """The rows without their cells, by the numbers of the runs."""
    sql = (
        f"SELECT r.num, r.id, r.name, r.kind, {status}, e.name, r.start, r.wall, r.estimator_name, p.id,"
        " (SELECT count(*) FROM run c JOIN experiment e ON e.id = c.experiment"
        f" WHERE c.parent = r.num AND {shown('c', deleted)})"
        f" {_FROM} LEFT JOIN run p ON p.num = r.parent WHERE r.num IN {_THESE}"
    )
    rows = connection.execute(sql, (json.dumps(list(numbers)),))
    return {number: RunLine._make((*line, False, ())) for number, *line in rows}


def _cells(connection: sqlite3.Connection, numbers: Iterable[int], group: str, key: str) -> dict[int, Any]:
    """The value of a key for each of the runs that has it."""
    cells = "run, value, type" if group in ("params", "facts") else "run, value"
    sql = f"SELECT {cells} FROM {_THESE} CROSS JOIN {GROUPS[group]} ON run = num AND key = ?"
    rows = connection.execute(sql, (json.dumps(list(numbers)), key))
    if group == "metrics":
        return {run: math.nan if number is None else number for run, number in rows}
    if group == "tags":
        return dict(rows.fetchall())
    return {run: decode(text, type_) for run, text, type_ in rows}
