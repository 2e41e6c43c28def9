"""Runs whose process has died are `killed`: readers say so, and the next writer writes it down."""

from __future__ import annotations

import sqlite3

from skribe.store.migrations import knows

# One opening of the store looks at so many processes and ends so many runs; the next one goes on.
_PROCESSES = 200
_RUNS = 1000

_LAST_SEEN = (
    "SELECT max(time) FROM journal WHERE seq IN (SELECT max(seq) FROM param WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM fact WHERE run = :run UNION ALL SELECT max(seq) FROM metric WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM point WHERE run = :run UNION ALL SELECT max(seq) FROM tag WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM note WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM warning WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM dataset WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM artifact WHERE run = :run"
    " UNION ALL SELECT seq_start FROM run WHERE num = :run UNION ALL SELECT seq_name FROM run WHERE num = :run"
    " UNION ALL SELECT max(max(coalesce(seq_start, 0), coalesce(seq_end, 0))) FROM run WHERE parent = :run)"
)
_LAST_KEPT = (
    "SELECT max(time) FROM journal WHERE seq IN (SELECT max(seq) FROM table_data WHERE run = :run"
    " UNION ALL SELECT max(seq) FROM model WHERE run = :run)"
)
_LAST_RESULT = (
    "SELECT max(began + coalesce(fit_time, 0) + coalesce(score_time, 0)) FROM result"
    " WHERE run = :run AND reused IS NULL"
)


def last_seen(connection: sqlite3.Connection, run: int) -> float | None:
    """When a run, one of its children, or one of its results was last heard of."""
    (last,) = connection.execute(_LAST_SEEN, {"run": run}).fetchone()
    # A result alone has no journal number. A file that is older than searches or models has none of them.
    for number, sql in ((2, _LAST_RESULT), (3, _LAST_KEPT)):
        if knows(connection, number):
            (other,) = connection.execute(sql, {"run": run}).fetchone()
            last = max(last or 0.0, other or 0.0) or None
    return None if last is None else float(last)


class Pulse:
    """Which processes of the store are dead. The dead stay dead, so that is asked once of each."""

    def __init__(self) -> None:
        self._dead: set[str] = set()

    def dead(self, connection: sqlite3.Connection, limit: int = -1) -> list[int]:
        """The numbers of those processes that have runs still `running` and are certainly not alive."""
        rows = connection.execute(
            "SELECT id, token, host, boot, pid, started FROM process WHERE id IN"
            " (SELECT DISTINCT process FROM run WHERE status = 'running' AND process IS NOT NULL LIMIT ?)",
            (limit,),
        ).fetchall()
        return [number for number, *process in rows if self._is_dead(*process)]

    def _is_dead(self, token: str, host: str, boot: str, pid: int, started: str) -> bool:
        if token in self._dead:
            return True
        from skribe.capture.environment import is_alive

        # None means that it cannot be known, as on another machine.
        if is_alive(host, boot, pid, started) is False:
            self._dead.add(token)
            return True
        return False


def reap(connection: sqlite3.Connection, next_seq: int) -> None:
    """End the runs of dead processes as `killed`, at the moment of their last sign of life.

    The caller has begun a transaction, and has asked `orphans` whether there is anything to do.
    """
    seq = next_seq
    for run, last in orphans(connection):
        connection.execute("INSERT INTO journal VALUES (?, ?, ?)", (seq, run, last))
        connection.execute(
            """UPDATE run SET status = 'killed', "end" = ?, seq_end = ? WHERE num = ?""", (last, seq, run)
        )
        seq += 1


def orphans(connection: sqlite3.Connection) -> list[tuple[int, float]]:
    """Runs that a dead process left `running`, with the moment of their last sign of life."""
    runs: list[tuple[int, float]] = []
    for process in Pulse().dead(connection, _PROCESSES):
        found = connection.execute(
            "SELECT num, start FROM run WHERE status = 'running' AND process = ? LIMIT ?",
            (process, _RUNS - len(runs)),
        ).fetchall()
        for run, start in found:
            last = last_seen(connection, run)
            runs.append((run, max(start, last or start)))
    return runs
