"""Tables, models and versions of registered names become rows. The caller has begun a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from skribe.records import Model, Note, Registration, Table
from skribe.store.bulk import Bulk
from skribe.store.codec import json_text
from skribe.store.names import name_problem

Execute = Callable[..., Any]

# Runs that registered versions need, with those that they are inside of.
NEEDED = (
    "needed (num) AS (SELECT r.num FROM version v JOIN registered g ON g.id = v.registered JOIN run r ON r.id = v.run"
    " WHERE v.deleted IS NULL AND g.deleted IS NULL"
    " UNION SELECT r.parent FROM run r JOIN needed n ON n.num = r.num WHERE r.parent IS NOT NULL)"
)
_tables = Bulk(
    5,
    "INSERT INTO table_data VALUES {rows}",
    " ON CONFLICT (run, name, data) DO UPDATE SET body = excluded.body, seq = excluded.seq",
)
_models = Bulk(12, "INSERT OR REPLACE INTO model VALUES {rows}")


def write_tables(execute: Execute, run: int, seq: int, tables: Sequence[Table]) -> None:
    """Write the tables of a run; each replaces the one of its name and data."""
    _tables(execute, [(run, table.name, table.data, json_text(table.body), seq) for table in tables])


def write_models(execute: Execute, run: int, seq: int, run_id: str, models: Sequence[Model]) -> None:
    """Write the models of a run; each replaces the one of its path, and its files are there again."""
    _models(execute, [(run, *model, None, seq) for model in models])
    for model in models:
        if model.step is not None:
            # The model of a stream is written again after each step: its version follows.
            execute("UPDATE version SET digest = ? WHERE run = ? AND path = ?", (model.digest, run_id, model.path))


def write_registered(
    execute: Execute, run: int, seq: int, run_id: str, registered: Sequence[Registration]
) -> list[Note]:
    """Make models of a run the next versions of names. What comes back says which could not be."""
    notes = []
    for name, path in registered:
        row = execute(
            "SELECT digest, step FROM model WHERE run = ? AND path = ? AND removed IS NULL", (run, path)
        ).fetchone()
        problem = name_problem(name)
        if problem is None and row is None:
            problem = f"the run keeps no model {path!r}"
        if problem is not None:
            notes.append(Note(f"registered.{name}", problem))
        elif not _is_registered(execute, name, run_id, path, row[0], stream=row[1] is not None):
            append_version(execute, name, run_id, path, row[0], seq)
    return notes


def _is_registered(execute: Execute, name: str, run_id: str, path: str, digest: str, stream: bool) -> bool:
    """Whether just this was registered before: a record may be delivered twice, also after a deletion."""
    found = execute(
        "SELECT 1 FROM version v JOIN registered g ON g.id = v.registered"
        " WHERE v.run = ? AND v.path = ? AND g.name = ? AND (v.digest = ? OR ?)",
        (run_id, path, name, digest, stream),
    ).fetchone()
    return found is not None


def append_version(execute: Execute, name: str, run_id: str, path: str, digest: str, seq: int) -> tuple[int, int]:
    """Add the next version of this name, which is made if it is new. The name's id, and the version's number."""
    now = time.time()
    row = execute("SELECT id, last FROM registered WHERE name = ? AND deleted IS NULL", (name,)).fetchone()
    if row is None:
        # A name that was deleted goes on counting: models:/iris/1 must never mean another model than before.
        (last,) = execute("SELECT coalesce(max(last), 0) FROM registered WHERE name = ?", (name,)).fetchone()
        cursor = execute("INSERT INTO registered (name, last, created) VALUES (?, ?, ?)", (name, last, now))
        row = (cursor.lastrowid, last)
    registered, version = int(row[0]), int(row[1]) + 1
    execute("UPDATE registered SET last = ? WHERE id = ?", (version, registered))
    execute(
        "INSERT INTO version VALUES (?, ?, ?, ?, ?, 'None', NULL, ?, NULL, ?)",
        (registered, version, run_id, path, digest, now, seq),
    )
    return registered, version
