"""One `Changes` becomes rows. Everything here happens inside a transaction that the caller has begun."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

import xxhash

from skribe.records import Changes, End, Note, Param, ProcessInfo, Start
from skribe.store import keptrows
from skribe.store.bulk import Bulk
from skribe.store.codec import json_text
from skribe.store.erasing import erase_inside
from skribe.store.values import number_of

# Runs whose number is remembered; beyond it the database is asked.
_REMEMBERED = 10_000
_LOST = "its start has not been recorded; what is known came with later records"

_RUN = (
    "INSERT INTO run (id, short, experiment, process, parent, name, kind, status, estimator_name,"
    ' estimator_class, start, "end", wall, cpu, error_type, error_message, traceback, seq_start, seq_end)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LATE_START = (
    "UPDATE run SET experiment = ?, process = coalesce(process, ?), parent = ?, name = ?, kind = ?,"
    " estimator_name = ?, estimator_class = ?, start = ?, seq_start = ? WHERE num = ? AND seq_start IS NULL"
)
_END = (
    'UPDATE run SET status = ?, "end" = ?, wall = ?, cpu = ?, error_type = ?, error_message = ?,'
    " traceback = ?, seq_end = ? WHERE num = ?"
)


_NEWEST = " ON CONFLICT (run, key) DO UPDATE SET "
_params = Bulk(7, "INSERT OR IGNORE INTO param VALUES {rows}")
_facts = Bulk(
    6,
    "INSERT INTO fact VALUES {rows}",
    _NEWEST + "value = excluded.value, type = excluded.type, number = excluded.number, seq = excluded.seq",
)
_metrics = Bulk(
    6,
    "INSERT INTO metric VALUES {rows}",
    _NEWEST + "value = excluded.value, step = excluded.step, time = excluded.time, seq = excluded.seq",
)
_tags = Bulk(4, "INSERT INTO tag VALUES {rows}", _NEWEST + "value = excluded.value, seq = excluded.seq")
_artifacts = Bulk(
    5,
    "INSERT INTO artifact VALUES {rows}",
    " ON CONFLICT (run, path) DO UPDATE SET size = excluded.size, digest = excluded.digest, seq = excluded.seq",
)
# What has no key of its own is added unless exactly the same is there: writing a record twice leaves one.
_points = Bulk(
    7,
    "INSERT INTO point SELECT * FROM (VALUES {rows}) AS new WHERE NOT EXISTS (SELECT 1 FROM point AS old"
    " WHERE old.run = new.column1 AND old.key = new.column4 AND old.step IS new.column5"
    " AND old.value IS new.column6 AND old.time IS new.column7)",
)
_new_points = Bulk(7, "INSERT INTO point VALUES {rows}")
_candidates = Bulk(
    7,
    "INSERT INTO candidate VALUES {rows}",
    " ON CONFLICT (run, number) DO UPDATE SET child = excluded.child, name = excluded.name, params = excluded.params,"
    " iteration = excluded.iteration, resources = excluded.resources",
)
_results = Bulk(10, "INSERT OR REPLACE INTO result VALUES {rows}")
_REPLACED = (
    "INSERT INTO point SELECT m.run, m.seq, -1 - (SELECT count(*) FROM point WHERE run = m.run AND seq = m.seq"
    " AND n < 0), m.key, NULL, m.value, m.time FROM metric AS m WHERE m.run = ?1 AND m.key = ?2 AND m.step IS NULL"
    " AND NOT (m.value IS ?3 AND m.time IS ?4 AND ?5 IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM point AS old WHERE old.run = m.run AND old.key = m.key"
    " AND old.step IS NULL AND old.value IS m.value AND old.time IS m.time)"
)
_LOOSE = "SELECT key FROM metric WHERE run = ? AND step IS NULL"
_NOTE = (
    "INSERT INTO note SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS"
    " (SELECT 1 FROM note WHERE run = ?1 AND what = ?4 AND reason = ?5)"
)
_WARNING = (
    "INSERT INTO warning SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM warning"
    " WHERE run = ?1 AND category = ?4 AND message = ?5 AND filename = ?6 AND line = ?7 AND count = ?8)"
)
_DATASET = (
    "INSERT INTO dataset SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM dataset"
    " WHERE run = ?1 AND role = ?4 AND name IS ?5 AND kind = ?6 AND shape IS ?7 AND fingerprint IS ?8"
    " AND details = ?9)"
)


_beside_results = tuple(name for name in Changes.__slots__ if name not in ("run", "candidates", "results"))


def _only(changes: Changes) -> bool:
    """Whether there is nothing in them but candidates and results."""
    return not any(getattr(changes, name) for name in _beside_results)


class Rows:
    """Writes records through one connection, and remembers the numbers it has looked up."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute: Callable[..., Any] = connection.execute
        self._runs: dict[str, int] = {}
        self._processes: dict[str, int] = {}
        self._purges = 0

    def forget(self) -> None:
        """After a rollback: what was remembered may never have been written."""
        self._runs.clear()
        self._processes.clear()

    def next_seq(self) -> int:
        """The journal number that comes next; and runs are looked up again if some were deleted for good meanwhile."""
        last = dict(self._execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        if last.get("purge", 0) != self._purges:
            # Their numbers may have been given to others.
            self._runs.clear()
            self._purges = last["purge"]
        return int(last.get("journal", 0)) + 1

    def write(self, changes: Changes, seq: int, process: ProcessInfo | None) -> None:
        """Write it under this journal number."""
        now = time.time()
        run, is_new = self._run(changes, seq, now, process)
        self._execute("INSERT INTO journal VALUES (?, ?, ?)", (seq, run, now))
        if changes.candidates or changes.results:
            self._write_results(run, changes)
        if changes.wanted:
            for backend in changes.wanted:
                self._execute("INSERT OR IGNORE INTO replica (backend, run) VALUES (?, ?)", (backend, changes.run))
        if changes.erased:
            erase_inside(self._execute, run, changes.erased, seq)
            self._runs.clear()
        if changes.end is not None and not is_new:
            self._execute(_END, (*_ending(changes.end), seq, run))
            if changes.end.began is not None:
                self._execute("UPDATE run SET start = min(start, ?) WHERE num = ?", (changes.end.began, run))
        if changes.name is not None:
            self._execute("UPDATE run SET name = ?, seq_name = ? WHERE num = ?", (changes.name, seq, run))
        notes = list(changes.notes)
        if changes.tables:
            keptrows.write_tables(self._execute, run, seq, changes.tables)
        if changes.models:
            keptrows.write_models(self._execute, run, seq, changes.run, changes.models)
        if changes.registered:
            notes += keptrows.write_registered(self._execute, run, seq, changes.run, changes.registered)
        if changes.params:
            notes += self._write_params(run, seq, changes.params)
        if changes.metrics:
            self._write_metrics(run, seq, changes, is_new)
        if changes.tags:
            _tags(self._execute, [(run, key, value, seq) for key, value in changes.tags.items()])
        if changes.facts:
            facts = [(run, f.key, f.value, f.type, number_of(f.value, f.type), seq) for f in changes.facts]
            _facts(self._execute, facts)
        if changes.artifacts:
            _artifacts(self._execute, [(run, *artifact, seq) for artifact in changes.artifacts])
        for n, note in enumerate(notes):
            self._execute(_NOTE, (run, seq, n, *note))
        for n, warned in enumerate(changes.warnings):
            self._execute(_WARNING, (run, seq, n, *warned))
        for n, dataset in enumerate(changes.datasets):
            shape = None if dataset.shape is None else json_text(dataset.shape)
            details = json_text(dict(dataset.details))
            self._execute(
                _DATASET,
                (run, seq, n, dataset.role, dataset.name, dataset.kind, shape, dataset.fingerprint, details),
            )

    def is_one_statement(self, changes: Changes) -> bool:
        """Whether this is a result of a known run and nothing else."""
        return len(changes.results) == 1 and not changes.candidates and changes.run in self._runs and _only(changes)

    def write_results_alone(self, changes: Changes) -> bool:
        """Write what holds results of a known run and nothing else: it needs no journal number. Whether it was so."""
        if not changes.results or (number := self._runs.get(changes.run)) is None or not _only(changes):
            return False
        self._write_results(number, changes)
        return True

    def _write_results(self, run: int, changes: Changes) -> None:
        if changes.candidates:
            _candidates(
                self._execute,
                [
                    (run, c.number, c.run, c.name, json_text(c.params), c.iteration, c.resources)
                    for c in changes.candidates
                ],
            )
        _results(
            self._execute,
            [
                (run, r.candidate, r.split, r.began, r.fit_time, r.score_time, r.worker, json_text(r.body), *r[7:])
                for r in changes.results
            ],
        )

    def _write_params(self, run: int, seq: int, params: tuple[Param, ...]) -> list[Note]:
        """The first value of a parameter stays. What comes back says which others came."""
        known: dict[str, tuple[str, str]] = {
            key: (value, type_)
            for key, value, type_ in self._execute("SELECT key, value, type FROM param WHERE run = ?", (run,))
        }
        rows, notes = [], []
        for key, value, type_, is_default in params:
            before = known.setdefault(key, (value, type_))
            if before != (value, type_):
                word = f"recorded first as {before[0]!r}, which stays; later there was {value!r}"
                notes.append(Note(f"params.{key}", word))
            else:
                rows.append((run, key, value, type_, number_of(value, type_), is_default, seq))
        _params(self._execute, rows)
        return notes

    def _write_metrics(self, run: int, seq: int, changes: Changes, is_new: bool) -> None:
        # Unary plus would keep a NumPy scalar; the database wants Python's.
        metrics = [(m.key, float(m.value), m.step, m.time) for m in changes.metrics]
        points = [
            (run, seq, n, key, step, value, moment)
            for n, (key, value, step, moment) in enumerate(metrics)
            if step is not None
        ]
        latest = {metric[0]: metric for metric in metrics}
        # What was written without a step and is replaced now becomes a point of the history.
        loose = set() if is_new else {key for (key,) in self._execute(_LOOSE, (run,))}
        if len(metrics) - len(points) == len(latest) - len({point[3] for point in points}) and loose.isdisjoint(
            latest
        ):
            _metrics(self._execute, [(run, k, v, step, moment, seq) for k, v, step, moment in latest.values()])
        else:
            for key, value, step, moment in metrics:
                self._execute(_REPLACED, (run, key, value, moment, step))
                _metrics(self._execute, [(run, key, value, step, moment, seq)])
        if points:
            # A run that is new here has no points yet, so none can be there twice.
            (_new_points if is_new else _points)(self._execute, points)

    def _run(self, changes: Changes, seq: int, now: float, process: ProcessInfo | None) -> tuple[int, bool]:
        """The run's number, and whether it is new here."""
        run = self.number(changes.run)
        if run is None:
            return self._new_run(changes.run, changes.start, changes.end, seq, now, process), True
        if changes.start is not None:
            self._start_late(run, changes.start, seq, now, process)
        return run, False

    def number(self, run_id: str) -> int | None:
        """The run's number, if it is in the store."""
        number = self._runs.get(run_id)
        if number is None:
            row = self._execute("SELECT num FROM run WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                return None
            number = self._remember(run_id, row[0])
        return number

    def _remember(self, run_id: str, number: int) -> int:
        if len(self._runs) >= _REMEMBERED:
            self._runs.clear()
        self._runs[run_id] = number
        return number

    def _new_run(
        self,
        run_id: str,
        start: Start | None,
        end: End | None,
        seq: int,
        now: float,
        process: ProcessInfo | None,
    ) -> int:
        lost = start is None
        if start is None:
            start = Start("Default", run_id[-8:], "manual", now)
        cells = (
            run_id,
            run_id.replace("-", "")[-8:],
            self._experiment(start.experiment, now),
            self._process(process),
            self._parent(start, seq, process),
            start.name,
            start.kind,
            "running",
            start.estimator_name,
            start.estimator_class,
            start.time,
        )
        ending = (None,) * 6
        if end is not None:
            cells = (*cells[:7], end.status, *cells[8:])
            ending = _ending(end)[1:]
        cursor = self._execute(_RUN, (*cells, *ending, None if lost else seq, None if end is None else seq))
        number = int(cursor.lastrowid)
        if lost:
            self._execute(_NOTE, (number, seq, -1, "start", _LOST))
        return self._remember(run_id, number)

    def _parent(self, start: Start, seq: int, process: ProcessInfo | None) -> int | None:
        if start.parent is None:
            return None
        number = self.number(start.parent)
        if number is not None:
            return number
        stand_in = Start(start.experiment, start.parent[-8:], "manual", start.time)
        number = self._new_run(start.parent, stand_in, None, seq, start.time, process)
        # It may still come, and then it fills in what stands here for it.
        self._execute("UPDATE run SET seq_start = NULL WHERE num = ?", (number,))
        return number

    def _start_late(self, run: int, start: Start, seq: int, now: float, process: ProcessInfo | None) -> None:
        (known,) = self._execute("SELECT seq_start FROM run WHERE num = ?", (run,)).fetchone()
        if known is not None:
            return
        cells = (
            self._experiment(start.experiment, now),
            self._process(process),
            self._parent(start, seq, process),
            start.name,
            start.kind,
            start.estimator_name,
            start.estimator_class,
            start.time,
        )
        self._execute(_LATE_START, (*cells, seq, run))
        self._execute("DELETE FROM note WHERE run = ? AND what = 'start' AND reason = ?", (run, _LOST))

    def _experiment(self, name: str, now: float) -> int:
        # Asked every time: another process may have renamed it.
        row = self._execute("SELECT id FROM experiment WHERE name = ? AND deleted IS NULL", (name,)).fetchone()
        if row is not None:
            return int(row[0])
        return int(self._execute("INSERT INTO experiment (name, created) VALUES (?, ?)", (name, now)).lastrowid)

    def _process(self, process: ProcessInfo | None) -> int | None:
        if process is None:
            return None
        number = self._processes.get(process.token)
        return self._known_process(process) if number is None else number

    def _known_process(self, process: ProcessInfo) -> int:
        row = self._execute("SELECT id FROM process WHERE token = ?", (process.token,)).fetchone()
        if row is None:
            cells = (process.token, process.host, process.boot, process.pid, process.started)
            environment = self._environment(process)
            number = self._execute(
                "INSERT INTO process (token, host, boot, pid, started, environment, source)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*cells, environment, process.source),
            ).lastrowid
        else:
            number = row[0]
        self._processes[process.token] = number
        return int(number)

    def renew_process(self, process: ProcessInfo) -> None:
        """Write down what is known of the process by now."""
        number = self._known_process(process)
        self._execute("UPDATE process SET environment = ? WHERE id = ?", (self._environment(process), number))

    def _environment(self, process: ProcessInfo) -> int:
        body = json_text(dict(process.environment)).encode("utf-8", "backslashreplace").decode()
        digest = xxhash.xxh3_128_hexdigest(body.encode())
        self._execute("INSERT OR IGNORE INTO environment (digest, body) VALUES (?, ?)", (digest, body))
        return int(self._execute("SELECT id FROM environment WHERE digest = ?", (digest,)).fetchone()[0])


def _ending(end: End) -> tuple[Any, ...]:
    failure: Sequence[str | None] = (None, None, None) if end.failure is None else end.failure
    return (end.status, end.time, end.wall, end.cpu, *failure)
