"""The journal as a replica sees it: what was written after a number, in order, as `Changes` again.

What is kept as a latest value (a tag, a run's name and end) comes as it is now, under the number that wrote it
last: who has read everything has the same state, from whichever number he began.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from typing import Any

from skribe.records import (
    Artifact,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Model,
    Note,
    Param,
    Registration,
    Start,
    Table,
    Warned,
)
from skribe.store.migrations import knows
from skribe.store.searches import candidates_of, results_of

_PART = "FROM {table} WHERE run IN (SELECT run FROM journal WHERE seq BETWEEN ?1 AND ?2) AND seq BETWEEN ?1 AND ?2"
_CELLS: dict[str, tuple[str, Any]] = {
    "params": ("key, value, type, is_default FROM param", lambda k, v, t, d: Param(k, v, t, _bool(d))),
    "facts": ("key, value, type FROM fact", Fact),
    "notes": ("what, reason FROM note", Note),
    "warnings": ("category, message, filename, line, count FROM warning", Warned),
    "artifacts": ("path, size, digest FROM artifact", Artifact),
    "datasets": (
        "role, name, kind, shape, fingerprint, details FROM dataset",
        lambda role, name, kind, shape, print_, details: Dataset(
            role, name, kind, shape_of(shape), print_, json.loads(details)
        ),
    ),
}

# From schema 3 on. A model whose files were removed is not there for a replica either.
_KEPT: dict[str, tuple[str, Any]] = {
    "tables": ("name, data, body FROM table_data", lambda name, data, body: Table(name, data, json.loads(body))),
    "models": (
        "path, file, format, size, digest, estimator_class, state, step, seal, removed FROM model",
        lambda *cells: Model(*cells[:-1]) if cells[-1] is None else None,
    ),
}
_AS_THEY_CAME = "n >= 0, abs(n)"  # what was replaced within one entry has -1, -2 …
_REGISTERED = (
    "SELECT v.seq, g.name, v.path FROM version v JOIN registered g ON g.id = v.registered"
    " WHERE v.seq BETWEEN ? AND ? AND v.deleted IS NULL AND g.deleted IS NULL ORDER BY v.seq, v.version"
)


def read_batch(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, Changes]]:
    """At most `limit` entries of the journal after the number `after`, oldest first."""
    entries = connection.execute(
        "SELECT j.seq, r.num, r.id FROM journal j JOIN run r ON r.num = j.run WHERE j.seq > ? ORDER BY j.seq LIMIT ?",
        (after, limit),
    ).fetchall()
    if not entries:
        return []
    span = (entries[0][0], entries[-1][0])
    parts: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for seq, fields in _run_parts(connection, span):
        parts[seq].update(fields)
    has_models = knows(connection, 3)
    for field, (source, build) in (_CELLS | _KEPT if has_models else _CELLS).items():
        columns, table = source.split(" FROM ")
        for seq, *cells in connection.execute(f"SELECT seq, {columns} {_PART.format(table=table)}", span):
            if (part := build(*cells)) is not None:
                parts[seq].setdefault(field, []).append(part)
    for seq, *cells in connection.execute(_REGISTERED, span) if has_models else ():
        parts[seq].setdefault("registered", []).append(Registration(*cells))
    if knows(connection, 4):
        for seq, run in connection.execute("SELECT seq, run FROM erasure WHERE seq BETWEEN ? AND ?", span):
            parts[seq].setdefault("erased", []).append(run)
    for seq, key, value in connection.execute(f"SELECT seq, key, value {_PART.format(table='tag')}", span):
        parts[seq].setdefault("tags", {})[key] = value
    for seq, metric in _metrics(connection, span):
        parts[seq].setdefault("metrics", []).append(metric)
    return [(seq, _changes(run_id, parts.get(seq, {}))) for seq, _, run_id in entries]


def _run_parts(connection: sqlite3.Connection, span: tuple[int, int]) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    rows = connection.execute(
        "SELECT r.seq_start, r.seq_name, r.seq_end, e.name, r.name, r.kind, r.start, p.id, r.estimator_name,"
        ' r.estimator_class, r.status, r."end", r.wall, r.cpu, r.error_type, r.error_message, r.traceback'
        " FROM run r JOIN experiment e ON e.id = r.experiment LEFT JOIN run p ON p.num = r.parent"
        " WHERE r.num IN (SELECT run FROM journal WHERE seq BETWEEN ? AND ?)",
        span,
    )
    for row in rows:
        started, named, ended, experiment, name, *rest = row
        if started is not None and span[0] <= started <= span[1]:
            found.append((started, {"start": Start(experiment, name, *rest[:5])}))
        if named is not None and span[0] <= named <= span[1]:
            found.append((named, {"name": name}))
        if ended is not None and span[0] <= ended <= span[1]:
            found.append((ended, {"end": end_of(rest[5:])}))
    return found


def _metrics(connection: sqlite3.Connection, span: tuple[int, int]) -> list[tuple[int, Metric]]:
    # A replaced value of a metric without steps came in an earlier entry, or earlier in the same one (n < 0).
    points = connection.execute(
        f"SELECT seq, key, value, step, time {_PART.format(table='point')} ORDER BY run, seq, {_AS_THEY_CAME}", span
    ).fetchall()
    latest = connection.execute(
        f"SELECT seq, key, value, NULL, time {_PART.format(table='metric')} AND step IS NULL ORDER BY run, key",
        span,
    ).fetchall()
    seen = {(seq, key, value, time) for seq, key, value, step, time in points if step is None}
    latest = [row for row in latest if (row[0], row[1], row[2], row[4]) not in seen]
    return [(seq, metric_of(key, value, step, time)) for seq, key, value, step, time in points + latest]


def read_run(connection: sqlite3.Connection, number: int) -> Changes:
    """All that is known of the run with this number, as one `Changes`."""
    run_id, name, status, *rest = connection.execute(
        "SELECT r.id, r.name, r.status, e.name, r.kind, r.start, p.id, r.estimator_name, r.estimator_class,"
        ' r."end", r.wall, r.cpu, r.error_type, r.error_message, r.traceback'
        " FROM run r JOIN experiment e ON e.id = r.experiment LEFT JOIN run p ON p.num = r.parent WHERE r.num = ?",
        (number,),
    ).fetchone()
    found: dict[str, Any] = {"start": Start(rest[0], name, *rest[1:6])}
    if rest[6] is not None:
        found["end"] = end_of([status, *rest[6:]])
    has_models = knows(connection, 3)
    for field, (source, build) in (_CELLS | _KEPT if has_models else _CELLS).items():
        rows = connection.execute(f"SELECT {source} WHERE run = ? ORDER BY seq", (number,)).fetchall()
        found[field] = [part for row in rows if (part := build(*row)) is not None]
    if has_models:
        found["registered"] = [
            Registration(*row)
            for row in connection.execute(
                "SELECT g.name, v.path FROM version v JOIN registered g ON g.id = v.registered"
                " WHERE v.run = ? AND v.deleted IS NULL AND g.deleted IS NULL ORDER BY v.seq, v.version",
                (run_id,),
            )
        ]
    found["tags"] = dict(connection.execute("SELECT key, value FROM tag WHERE run = ? ORDER BY key", (number,)))
    found["candidates"], found["results"] = candidates_of(connection, number), results_of(connection, number)
    points = connection.execute(
        f"SELECT key, value, step, time FROM point WHERE run = ? ORDER BY seq, {_AS_THEY_CAME}", (number,)
    ).fetchall()
    latest = connection.execute(
        "SELECT key, value, NULL, time FROM metric WHERE run = ? AND step IS NULL ORDER BY key", (number,)
    ).fetchall()
    seen = {row for row in points if row[2] is None}
    found["metrics"] = [metric_of(*row) for row in (*points, *(row for row in latest if row not in seen))]
    return _changes(run_id, found)


def _changes(run_id: str, parts: dict[str, Any]) -> Changes:
    fields: dict[str, Any] = {key: tuple(part) if type(part) is list else part for key, part in parts.items()}
    return Changes(run=run_id, **fields)


def metric_of(key: str, value: float | None, step: int | None, time: float | None) -> Metric:
    """A metric from its row: NULL means NaN."""
    return Metric(key, float("nan") if value is None else value, step, time)


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """A data set's shape from its column."""
    return None if text is None else tuple(json.loads(text))


def end_of(cells: list[Any]) -> End:
    """An `End` from status, end, wall, cpu, error_type, error_message, traceback."""
    status, time, wall, cpu, *failure = cells
    return End(status, time, wall, cpu, None if failure[0] is None else Failure(*failure))


def _bool(cell: int | None) -> bool | None:
    return None if cell is None else bool(cell)
