"""The table of runs, built column by column: a hundred thousand runs have millions of parameters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skribe.errors import ArgumentError
from skribe.store.selection import DURATION, Selection
from skribe.store.values import Decoder

if TYPE_CHECKING:
    import pandas as pd

_CELLS = f"r.num, r.id, r.name, r.kind, {{status}}, e.name, r.start, {DURATION}, p.id, r.estimator_name"
FIXED = ("run_id", "name", "kind", "status", "experiment", "start", "duration", "parent_id", "estimator")
GROUPS = ("metrics", "params", "tags")
# Stands between the texts that SQLite puts together; a text that contains it is noticed by the count.
_BETWEEN = "\x1f"
# Up to so many keys are looked up one by one.
_FEW = 6


def build(
    connection: sqlite3.Connection,
    selection: Selection,
    dead: Sequence[int],
    columns: Sequence[str] | None,
) -> pd.DataFrame:
    """The selected runs as a frame, with the chosen columns or all of them."""
    import pandas as pd

    wanted = _wanted(columns)
    rows = selection.rows(connection, dead, _CELLS)
    cells: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 10
    data: dict[str, Any] = dict(zip(FIXED, cells[1:], strict=True))
    for name in ("run_id", "name", "kind", "status", "experiment", "parent_id", "estimator"):
        data[name] = pd.Series(_objects(data[name]), dtype=object)
    data["start"] = pd.to_datetime(np.array(data["start"], dtype=float), unit="s", utc=True).as_unit("us")
    data["duration"] = np.array(data["duration"], dtype=float)
    places = {number: place for place, number in enumerate(cells[0])}
    for group, keys in wanted.items():
        if keys is not None and not keys:
            continue
        found = _GATHER[group](connection, places, keys)
        names = sorted(found) if columns is None or keys is None else sorted(keys)
        for key in names:
            data[f"{group}.{key}"] = found[key] if key in found else _missing(group, len(rows))
    if columns is not None:
        data = {name: data[name] for name in _chosen(columns, data)}
    frame = pd.DataFrame({name: pd.Series(column, copy=False) for name, column in data.items()}, copy=False)
    return frame if data else pd.DataFrame(index=range(len(rows)))


def _wanted(columns: Sequence[str] | None) -> dict[str, set[str] | None]:
    """The keys to look for in each group; None for all of them."""
    if columns is None:
        return dict.fromkeys(GROUPS)
    if isinstance(columns, str):
        raise ArgumentError(f"columns={columns!r} must be a list of names, such as [{columns!r}]")
    wanted: dict[str, set[str] | None] = {group: set() for group in GROUPS}
    for name in columns:
        group, dot, key = name.partition(".")
        if name in FIXED:
            continue
        if not dot or group not in GROUPS or not key:
            raise ArgumentError(
                f"columns={name!r} is not a column: use {', '.join(FIXED)},"
                " params.X, metrics.X, tags.X, or params.* for all of a group"
            )
        keys = wanted[group]
        if key == "*":
            wanted[group] = None
        elif keys is not None:
            keys.add(key)
    return wanted


def _chosen(columns: Sequence[str], data: dict[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    for name in columns:
        if name.endswith(".*"):
            names.update(dict.fromkeys(found for found in data if found.startswith(name[:-1])))
        elif name in data:
            names[name] = None
        else:
            names[name] = None
    return list(names)


def _missing(group: str, count: int) -> Any:
    return np.full(count, np.nan) if group == "metrics" else np.full(count, None, dtype=object)


def _objects(values: Sequence[Any]) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _runs_in(places: dict[int, int]) -> tuple[str, tuple[Any, ...]]:
    """Conditions on `run` that find these runs: a stretch where most of it is wanted, else each by its number."""
    if not places:
        return "0", ()
    low, high = min(places), max(places)
    if high - low < 4 * len(places):
        return "run BETWEEN ? AND ?", (low, high)
    return "run IN (SELECT value FROM json_each(?))", (json.dumps(sorted(places)),)


def _keys_in(keys: set[str] | None) -> tuple[str, tuple[Any, ...]]:
    if keys is None:
        return "", ()
    return " AND key IN (SELECT value FROM json_each(?))", (json.dumps(sorted(keys)),)


def _each_key(
    connection: sqlite3.Connection, table: str, cells: str, places: dict[int, int], keys: set[str]
) -> Iterator[tuple[str, list[Any]]]:
    """For a few keys: the rows `place, *cells` of each, looked up run by run instead of reading all keys."""
    where, parameters = _runs_in(places)
    for key in sorted(keys):
        rows = connection.execute(
            f"SELECT r.num, {cells} FROM run r CROSS JOIN {table} ON run = r.num AND key = ?"
            f" WHERE {where.replace('run ', 'r.num ', 1)}",
            (key, *parameters),
        )
        yield key, [(places[run], *found) for run, *found in rows if run in places]


def _metrics(connection: sqlite3.Connection, places: dict[int, int], keys: set[str] | None) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if keys is not None and len(keys) <= _FEW:
        for key, rows in _each_key(connection, "metric", "value", places, keys):
            if rows:
                at, values = zip(*rows, strict=True)
                columns[key] = np.full(len(places), np.nan)
                columns[key][list(at)] = np.array(values, dtype=float)
        return columns
    where, parameters = _runs_in(places)
    also, more = _keys_in(keys)
    cursor = connection.execute(f"SELECT run, key, value FROM metric WHERE {where}{also}", (*parameters, *more))
    while rows := cursor.fetchmany(20_000):
        for run, key, value in rows:
            place = places.get(run)
            if place is None:
                continue
            column = columns.get(key)
            if column is None:
                column = columns[key] = np.full(len(places), np.nan)
            if value is not None:
                column[place] = value
    return columns


def _params(connection: sqlite3.Connection, places: dict[int, int], keys: set[str] | None) -> dict[str, Any]:
    return _texts(connection, "param", "type", places, keys)


def _tags(connection: sqlite3.Connection, places: dict[int, int], keys: set[str] | None) -> dict[str, Any]:
    return _texts(connection, "tag", "'str'", places, keys)


_GATHER = {"params": _params, "metrics": _metrics, "tags": _tags}


def _texts(
    connection: sqlite3.Connection, table: str, type_: str, places: dict[int, int], keys: set[str] | None
) -> dict[str, Any]:
    """Columns of typed values."""
    columns = _Columns(len(places))
    if keys is not None and len(keys) <= _FEW:
        for key, rows in _each_key(connection, table, f"{type_}, value", places, keys):
            for kind in {kind for _, kind, _ in rows}:
                at, values = zip(*((place, value) for place, found, value in rows if found == kind), strict=True)
                columns.add(key, kind, list(at), values)
        return columns.finished()
    _in_bulk(connection, table, type_, places, keys, columns)
    return columns.finished()


def _in_bulk(
    connection: sqlite3.Connection,
    table: str,
    type_: str,
    places: dict[int, int],
    keys: set[str] | None,
    columns: _Columns,
) -> None:
    """Fill the columns from texts that SQLite has put together.

    One has a run's keys, one their types, one the values. Runs of the same kind of estimator have the same keys and
    types, and are taken apart and decoded together, a column at a time.
    """
    where, parameters = _runs_in(places)
    also, more = _keys_in(keys)
    cursor = connection.execute(
        f"SELECT run, count(*), group_concat(key, ?), group_concat({type_}, ?), group_concat(value, ?)"
        f" FROM {table} WHERE {where}{also} GROUP BY run",
        (_BETWEEN, _BETWEEN, _BETWEEN, *parameters, *more),
    )
    shapes: dict[tuple[str, str], tuple[list[int], list[list[str]]]] = {}
    for run, count, names, types, values in cursor:
        place = places.get(run)
        if place is None:
            continue
        pieces = values.split(_BETWEEN)
        shape = shapes.get((names, types))
        if shape is None:
            shape = shapes[names, types] = ([], [])
        if len(pieces) != count or names.count(_BETWEEN) != count - 1:
            for key, kind, value in _one_by_one(connection, table, type_, run, keys):
                columns.add(key, kind, [place], [value])
            continue
        shape[0].append(place)
        shape[1].append(pieces)
        if len(shape[0]) == 10_000:
            columns.add_shape(names, types, *shape)
            shape[0].clear()
            shape[1].clear()
    for (names, types), shape in shapes.items():
        columns.add_shape(names, types, *shape)


def _one_by_one(
    connection: sqlite3.Connection, table: str, type_: str, run: int, keys: set[str] | None
) -> Iterator[tuple[str, str, str]]:
    for key, kind, value in connection.execute(f"SELECT key, {type_}, value FROM {table} WHERE run = ?", (run,)):
        if keys is None or key in keys:
            yield key, kind, value


class _Columns:
    """Columns under construction."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.cells: dict[str, Any] = {}
        self.types: dict[str, set[str]] = {}
        self.filled: dict[str, int] = {}
        self.decoders: dict[str, Decoder] = {}

    def add_shape(self, names: str, types: str, places: list[int], rows: list[list[str]]) -> None:
        if not places:
            return
        where = np.array(places)
        for key, kind, values in zip(
            names.split(_BETWEEN), types.split(_BETWEEN), zip(*rows, strict=True), strict=True
        ):
            self.add(key, kind, where, values)

    def add(self, key: str, kind: str, places: Any, values: Iterable[str]) -> None:
        if key not in self.cells:
            self.cells[key] = np.full(self.count, None, dtype=object)
            self.types[key] = set()
            self.filled[key] = 0
        decoder = self.decoders.setdefault(kind, Decoder(kind))
        decoded = list(map(decoder.__getitem__, values))
        self.cells[key][places] = _objects(decoded)
        self.types[key].add(kind)
        self.filled[key] += len(decoded)

    def finished(self) -> dict[str, Any]:
        return {key: self._typed(key) for key in self.cells}

    def _typed(self, key: str) -> Any:
        """Numbers as numbers where every run has one, or where the gaps can be NaN without changing a value."""
        column, types = self.cells[key], self.types[key]
        whole = self.filled[key] == self.count
        try:
            if types == {"bool"} and whole:
                return column.astype(bool)
            if types == {"int"} and whole:
                return column.astype(np.int64)
            if types == {"float"}:
                return column.astype(float)
            if types <= {"int", "float"}:
                numbers = column.astype(float)
                exact = all(n is None or float(n) == n or n != n for n in column)
                return numbers if exact else column
        except (ValueError, TypeError, OverflowError):
            pass
        return column
