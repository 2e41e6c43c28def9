"""One column of the table of runs at a time, beside the store: a key's values for all runs.

The store keeps the forty parameters of a run together, which is right for the one who writes them and for the one who
looks at the run. Who sorts or filters a hundred thousand runs by one of them would look it up a hundred thousand
times, for every page anew. So its values are copied into a temporary table of the reading connection, once; later
only those of runs about which the journal has something new.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from skribe.store.where import GROUPS, Condition

# So many are kept, those used last.
_MOST = 12
# How `where=` looks up a value: the group's table, and the key as the parameter that belongs to the question mark.
_LOOKUP = re.compile(r"FROM (param|metric|tag|fact) WHERE run = r\.num AND key = \?")
_GROUP_OF = {table: group for group, table in GROUPS.items()}
_TYPED = "(run INTEGER PRIMARY KEY, value TEXT, type TEXT, number NUMERIC)"
_SHAPES = {
    "params": (_TYPED, "value, type, number"),
    "facts": (_TYPED, "value, type, number"),
    "metrics": ("(run INTEGER PRIMARY KEY, value REAL)", "value"),
    "tags": ("(run INTEGER PRIMARY KEY, value TEXT)", "value"),
}


@dataclass(slots=True)
class Column:
    """The temporary table `name`: `run` and the cells of one key."""

    name: str
    group: str
    key: str
    seq: int  # what the journal said up to this number is in it
    version: int
    best: tuple[int, bool] | None = None  # for which version the best of the children are known, and for which runs


class Columns:
    """The columns of one connection. The caller has begun a transaction, and says when the store has changed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns: dict[tuple[str, str], Column] = {}
        self._made = 0
        self._version = 0
        self._seq = 0
        connection.execute("PRAGMA temp.cache_size = -32000")
        # What is left of earlier ones, should there be any.
        names = "SELECT name FROM sqlite_temp_master WHERE type = 'table'"
        for (name,) in connection.execute(names).fetchall():
            connection.execute(f'DROP TABLE temp."{name}"')

    def store_changed(self, seq: int) -> None:
        """Whatever was known may be out of date. `seq` is the newest number of the journal."""
        self._version += 1
        self._seq = seq

    def column(self, group: str, key: str) -> Column:
        """The column as it is now."""
        column = self._columns.pop((group, key), None)
        if column is None:
            self._made += 1
            column = Column(f"temp.column_{self._made}", group, key, self._seq, self._version)
            shape = _SHAPES[group][0]
            self._connection.execute(f"CREATE TABLE {column.name} {shape}")
            self._fill(column)
        elif column.version != self._version:
            self._renew(column)
            column.seq, column.version = self._seq, self._version
        self._columns[group, key] = column
        return column

    def best_children(self, column: Column, deleted: bool) -> str:
        """The table of the lowest and the highest value that children of a run have; of a column of metrics."""
        name = f"{column.name}_best"
        if column.best == (self._version, deleted):
            return name
        execute = self._connection.execute
        execute(f"CREATE TABLE IF NOT EXISTS {name} (run INTEGER PRIMARY KEY, low REAL, high REAL)")
        execute(f"DELETE FROM {name}")
        execute(
            f"INSERT INTO {name} SELECT c.parent, min(s.value), max(s.value)"
            f" FROM run c INDEXED BY run_parent CROSS JOIN {column.name} s ON s.run = c.num"
            f" JOIN experiment e ON e.id = c.experiment WHERE c.parent IS NOT NULL AND {shown('c', deleted)}"
            " GROUP BY c.parent HAVING max(s.value) IS NOT NULL"
        )
        column.best = (self._version, deleted)
        return name

    def is_empty(self, column: Column) -> bool:
        """Whether no run at all has the key."""
        return self._connection.execute(f"SELECT 1 FROM {column.name} LIMIT 1").fetchone() is None

    def through(self, condition: Condition) -> Condition:
        """The same condition, with values that are looked up in the columns."""
        parts: list[str] = []
        parameters = list(condition.parameters)
        dropped: list[int] = []
        asked: set[tuple[str, str]] = set()
        marks = end = 0
        for found in _LOOKUP.finditer(condition.sql):
            # No text of the user's is in the SQL, so every question mark is one.
            before = condition.sql[end : found.start()]
            marks += before.count("?")
            parts.append(before)
            end = found.end()
            wanted = (_GROUP_OF[found[1]], parameters[marks])
            if wanted in asked or len(asked) < _MOST:
                asked.add(wanted)
                parts.append(f"FROM {self.column(*wanted).name} WHERE run = r.num")
                dropped.append(marks)
            else:
                parts.append(found[0])
            marks += 1
        parts.append(condition.sql[end:])
        for place in reversed(dropped):
            del parameters[place]
        return Condition("".join(parts), tuple(parameters), condition.keys)

    def trim(self) -> None:
        """Forget those that were not used for the longest time."""
        while len(self._columns) > _MOST:
            column = self._columns.pop(next(iter(self._columns)))
            self._connection.execute(f"DROP TABLE {column.name}")
            self._connection.execute(f"DROP TABLE IF EXISTS {column.name}_best")

    def _fill(self, column: Column) -> None:
        table, cells = GROUPS[column.group], _SHAPES[column.group][1]
        if column.group == "metrics":
            source = "metric INDEXED BY metric_value WHERE key = ? ORDER BY run"
        elif column.group == "tags":
            # Runs have few of them: reading them all is faster than looking for one of each run.
            source = "tag WHERE key = ?"
        else:
            # In the order of the numbers, in which both tables lie on the disk; an index of `run` has another.
            source = f"run r NOT INDEXED CROSS JOIN {table} c ON c.run = r.num AND c.key = ?"
        self._connection.execute(f"INSERT INTO {column.name} SELECT run, {cells} FROM {source}", (column.key,))

    def _renew(self, column: Column) -> None:
        """Read again what may be different: of the runs that the journal names.

        Parameters, metrics and facts are never written without a number of the journal; they vanish only together
        with their run. Tags may.
        """
        execute = self._connection.execute
        if column.group == "tags" or self._seq < column.seq:
            execute(f"DELETE FROM {column.name}")
            self._fill(column)
            return
        if self._seq == column.seq:
            return
        new = "SELECT DISTINCT run AS num FROM journal WHERE seq > ?"
        table, cells = GROUPS[column.group], _SHAPES[column.group][1]
        execute(f"DELETE FROM {column.name} WHERE run IN ({new})", (column.seq,))
        execute(
            f"INSERT INTO {column.name} SELECT run, {cells} FROM ({new}) CROSS JOIN {table} ON run = num AND key = ?",
            (column.seq, column.key),
        )


def shown(run: str, deleted: bool) -> str:
    """The condition, as SQL, that a run is in the trash or that it is not. Its experiment is `e`."""
    if deleted:
        return f"({run}.deleted IS NOT NULL OR e.deleted IS NOT NULL)"
    return f"{run}.deleted IS NULL AND e.deleted IS NULL"
