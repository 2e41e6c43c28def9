"""Runs are deleted for good, with every row that belongs to them. The caller has begun a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from skribe.store.codec import json_text
from skribe.store.keptrows import NEEDED
from skribe.store.migrations import knows
from skribe.store.reap import Pulse

_OF_A_RUN = (
    "param", "fact", "metric", "point", "tag", "note", "warning", "dataset", "artifact", "candidate", "result",
    "table_data", "model", "journal",
)  # fmt: skip
_MARKED = "SELECT num FROM erased"
_IN_THE_TRASH = (
    "SELECT r.num, r.id, r.parent, min(coalesce(r.deleted, e.deleted), coalesce(e.deleted, r.deleted)),"
    " r.status = 'running', r.process FROM run r JOIN experiment e ON e.id = r.experiment"
    " WHERE r.deleted IS NOT NULL OR e.deleted IS NOT NULL"
)


class Trashed(NamedTuple):
    """What can be deleted for good, and what cannot, with the reason; the runs are named by their ids."""

    runs: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]


def erase_inside(execute: Callable[..., Any], parent: int, run_ids: Iterable[str], seq: int) -> None:
    """Delete these children of a run, and what is inside of them. Those that a registered version needs stay.

    Replicas are told under the journal number `seq`.
    """
    _mark(
        execute,
        f"WITH RECURSIVE {NEEDED}, inside(num) AS (SELECT num FROM run"
        " WHERE parent = ?1 AND id IN (SELECT value FROM json_each(?2)) AND num NOT IN needed"
        " UNION SELECT r.num FROM run r JOIN inside i ON r.parent = i.num) SELECT num FROM inside",
        (parent, json_text(list(run_ids))),
    )
    execute(
        f"UPDATE candidate SET child = NULL WHERE run = ?1 AND child IN (SELECT id FROM run WHERE num IN ({_MARKED}))",
        (parent,),
    )
    execute(f"INSERT OR IGNORE INTO erasure SELECT ?, id FROM run WHERE num IN ({_MARKED})", (seq,))
    _delete_marked(execute)


def purge(execute: Callable[..., Any], run_ids: Iterable[str], emptied_before: float) -> None:
    """Delete these runs, and the experiments that have been in the trash since then and are empty now."""
    _mark(
        execute,
        "SELECT num FROM run WHERE id IN (SELECT value FROM json_each(?))",
        (json_text(list(run_ids)),),
    )
    execute(
        "UPDATE candidate SET child = NULL WHERE run IN"
        f" (SELECT parent FROM run WHERE num IN ({_MARKED})) AND child IN"
        f" (SELECT id FROM run WHERE num IN ({_MARKED}))"
    )
    now = time.time()
    execute(f"INSERT INTO purge (run, time) SELECT id, ? FROM run WHERE num IN ({_MARKED})", (now,))
    # A deleted name may come back; these versions of it have no model any more.
    execute(
        "UPDATE version SET deleted = ? WHERE deleted IS NULL AND run IN"
        f" (SELECT id FROM run WHERE num IN ({_MARKED}))",
        (now,),
    )
    _delete_marked(execute)
    execute("DELETE FROM experiment WHERE deleted <= ? AND id NOT IN (SELECT experiment FROM run)", (emptied_before,))


def _mark(execute: Callable[..., Any], sql: str, cells: tuple[Any, ...]) -> None:
    execute("CREATE TEMP TABLE IF NOT EXISTS erased (num INTEGER PRIMARY KEY)")
    execute(f"INSERT INTO erased {sql}", cells)


def _delete_marked(execute: Callable[..., Any]) -> None:
    for table in _OF_A_RUN:
        execute(f"DELETE FROM {table} WHERE run IN ({_MARKED})")
    execute(f"DELETE FROM run WHERE num IN ({_MARKED})")
    execute("DELETE FROM erased")


def in_the_trash(connection: sqlite3.Connection, before: float) -> Trashed:
    """The runs that have been in the trash since then, or longer.

    A run and what is inside of it go together: all are deleted for good, or none.
    """
    rows = {row[0]: row for row in connection.execute(_IN_THE_TRASH).fetchall()}
    roots = {number: _root(rows, number) for number in rows}
    dead = set(Pulse().dead(connection))
    reasons: dict[int, str] = {}
    waiting = {roots[number] for number, row in rows.items() if row[3] > before}
    for number, *_, running, process in rows.values():
        if running and process not in dead:
            reasons[roots[number]] = "it is still running"
    for (parent,) in connection.execute(
        "SELECT DISTINCT r.parent FROM run r JOIN experiment e ON e.id = r.experiment"
        " WHERE r.parent IS NOT NULL AND r.deleted IS NULL AND e.deleted IS NULL"
    ):
        if parent in rows:
            reasons[roots[parent]] = "a run inside it is not in the trash"
    for number, name in _registered(connection):
        if number in rows:
            reasons[roots[number]] = f"the registered model {name} needs it"
    ready = {number: root for number, root in roots.items() if root not in waiting}
    return Trashed(
        tuple(rows[number][1] for number, root in ready.items() if root not in reasons),
        tuple((rows[root][1], reason) for root, reason in reasons.items() if root not in waiting),
    )


def _root(rows: dict[int, Any], number: int) -> int:
    """The outermost run in the trash that this one is inside of."""
    while (parent := rows[number][2]) in rows:
        number = parent
    return number


def _registered(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    if not knows(connection, 3):
        return []
    return connection.execute(
        "SELECT r.num, g.name || ' ' || v.version FROM version v JOIN registered g ON g.id = v.registered"
        " JOIN run r ON r.id = v.run WHERE v.deleted IS NULL AND g.deleted IS NULL"
    ).fetchall()
