"""The one way out: everything that anybody reads from a store goes through `Query`. It never writes a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from skribe.records import (
    Artifact,
    Candidate,
    Changes,
    Dataset,
    Fact,
    Metric,
    Note,
    Param,
    ProcessInfo,
    Result,
    Warned,
)
from skribe.store import feed
from skribe.store.kept import KeptReader
from skribe.store.migrations import knows
from skribe.store.outbox import Position, Refusal, backends_in, pending, positions, refusals, remotes_of
from skribe.store.page import KeyCount, PageReader, RunLine, RunsPage
from skribe.store.registered import RegistryReader
from skribe.store.runrows import RunRow
from skribe.store.searches import RESULT, candidates_of, result_of, results_of
from skribe.store.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExperimentRow", "KeyCount", "Query", "RunLine", "RunRow", "RunsPage"]


class ExperimentRow(NamedTuple):
    """One experiment, with the number of its top-level runs that are not in the trash."""

    name: str
    created: float
    deleted: float | None
    runs: int
    last_start: float | None


class Query(PageReader, KeptReader, RegistryReader):
    """Reads one store, from any thread, while others write. A store that is not there has no runs."""

    # -- one run

    def params(self, run: str | RunRow) -> list[Param]:
        """The run's parameters, sorted by key."""
        rows = self._of(run, "SELECT key, value, type, is_default FROM param WHERE run = ? ORDER BY key")
        return [
            Param(key, value, type_, None if default is None else bool(default)) for key, value, type_, default in rows
        ]

    def facts(self, run: str | RunRow) -> list[Fact]:
        """What the fitted estimator knew about itself, sorted by key."""
        return [Fact(*row) for row in self._of(run, "SELECT key, value, type FROM fact WHERE run = ? ORDER BY key")]

    def metrics(self, run: str | RunRow) -> list[Metric]:
        """The latest value of every metric, sorted by key."""
        rows = self._of(run, "SELECT key, value, step, time FROM metric WHERE run = ? ORDER BY key")
        return [feed.metric_of(*row) for row in rows]

    def metrics_of(self, numbers: Sequence[int]) -> dict[int, dict[str, float]]:
        """The latest values of the metrics of several runs, by `RunRow.num`; without those that are no number."""
        sql = "SELECT run, key, value FROM metric WHERE run IN (SELECT value FROM json_each(?)) AND value IS NOT NULL"
        found: dict[int, dict[str, float]] = {}
        with self._snapshot() as connection:
            for number, key, value in connection.execute(sql, (json.dumps(list(numbers)),)):
                found.setdefault(number, {})[key] = value
        return found

    def history(self, run: str | RunRow, key: str) -> list[Metric]:
        """Every value that this metric had, by step; those without a step in the order in which they came."""
        with self._snapshot() as connection:
            number = self._number(connection, run)
            points = connection.execute(
                "SELECT key, value, step, time FROM point WHERE run = ? AND key = ? ORDER BY step, seq, n DESC",
                (number, key),
            ).fetchall()
            latest = connection.execute(
                "SELECT key, value, NULL, time FROM metric WHERE run = ? AND key = ? AND step IS NULL",
                (number, key),
            ).fetchall()
        loose = [row for row in points if row[2] is None and row not in latest] + latest
        return [feed.metric_of(*row) for row in loose + [row for row in points if row[2] is not None]]

    def tags(self, run: str | RunRow) -> dict[str, str]:
        """The run's tags."""
        return dict(self._of(run, "SELECT key, value FROM tag WHERE run = ? ORDER BY key"))

    def notes(self, run: str | RunRow) -> list[Note]:
        """What is absent from the run, and why, in the order in which it was written."""
        return [Note(*row) for row in self._of(run, "SELECT what, reason FROM note WHERE run = ?")]

    def warnings(self, run: str | RunRow) -> list[Warned]:
        """The warnings raised while the run was open."""
        sql = "SELECT category, message, filename, line, count FROM warning WHERE run = ?"
        return [Warned(*row) for row in self._of(run, sql)]

    def datasets(self, run: str | RunRow) -> list[Dataset]:
        """What the run's data looked like."""
        sql = "SELECT role, name, kind, shape, fingerprint, details FROM dataset WHERE run = ?"
        return [
            Dataset(role, name, kind, feed.shape_of(shape), fingerprint, json.loads(details))
            for role, name, kind, shape, fingerprint, details in self._of(run, sql)
        ]

    def artifacts(self, run: str | RunRow) -> list[Artifact]:
        """The run's files, sorted by path."""
        sql = "SELECT path, size, digest FROM artifact WHERE run = ? ORDER BY path"
        return [Artifact(*row) for row in self._of(run, sql)]

    def candidates(self, run: str | RunRow) -> list[Candidate]:
        """What a search tried, or the parts of a cross-validation, in their order."""
        with self._snapshot() as connection:
            return candidates_of(connection, self._number(connection, run))

    def results(self, run: str | RunRow) -> list[Result]:
        """What each (candidate, split) of a search gave, as far as it has come."""
        with self._snapshot() as connection:
            return results_of(connection, self._number(connection, run))

    def finished_result(self, key: str, besides: str = "") -> tuple[str, Result] | None:
        """The newest result under this key, and its run: one that is not in the trash, and not the one named."""
        with self._snapshot() as connection:
            if not knows(connection, 2):
                return None
            row = connection.execute(
                f"SELECT r.id, {RESULT} FROM result JOIN run r ON r.num = result.run"
                " JOIN experiment e ON e.id = r.experiment"
                " WHERE key = ? AND r.id != ? AND r.deleted IS NULL AND e.deleted IS NULL ORDER BY r.num DESC LIMIT 1",
                (key, besides),
            ).fetchone()
        return None if row is None else (row[0], result_of(*row[1:]))

    def fact_of_the_run_before(self, run: str, key: str) -> tuple[str, str] | None:
        """The last earlier run of the same kind and estimator class that has this fact: its id, and the fact."""
        with self._snapshot() as connection:
            row = connection.execute(
                "SELECT r.id, f.value FROM run me JOIN run r ON r.num < me.num AND r.kind = me.kind"
                " AND r.estimator_class IS me.estimator_class AND r.deleted IS NULL"
                " JOIN fact f ON f.run = r.num AND f.key = ? WHERE me.id = ? ORDER BY r.num DESC LIMIT 1",
                (key, run),
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def process(self, run: str | RunRow) -> ProcessInfo | None:
        """The process that wrote the run, with its environment; None if that was lost."""
        sql = (
            "SELECT p.token, p.host, p.boot, p.pid, p.started, e.body, p.source FROM run r"
            " JOIN process p ON p.id = r.process LEFT JOIN environment e ON e.id = p.environment WHERE r.num = ?"
        )
        for token, host, boot, pid, started, body, source in self._of(run, sql):
            environment: Mapping[str, Any] = json.loads(body) if body else {}
            return ProcessInfo(token, host, boot, pid, started, environment, source)
        return None

    def children(self, run: str | RunRow) -> list[RunRow]:
        """The runs directly inside this one, oldest first."""
        with self._snapshot() as connection:
            number = self._number(connection, run)
            where = "r.parent = ? AND r.deleted IS NULL ORDER BY r.start, r.num"
            return self._rows(connection, where, (number,))

    # -- many runs

    def last_run_id(self, process_token: str | None = None) -> str | None:
        """The top-level run that began last, of this process if one is given."""
        sql = (
            "SELECT r.id FROM run r JOIN experiment e ON e.id = r.experiment WHERE r.parent IS NULL"
            " AND r.deleted IS NULL AND e.deleted IS NULL"
        )
        if process_token is not None:
            sql += " AND r.process = (SELECT id FROM process WHERE token = :token)"
        with self._snapshot() as connection:
            row = connection.execute(f"{sql} ORDER BY r.num DESC LIMIT 1", {"token": process_token}).fetchone()
        return None if row is None else str(row[0])

    def experiments(self, deleted: bool = False) -> list[ExperimentRow]:
        """The experiments, the one used last first; with `deleted`, those in the trash."""
        sql = (
            "SELECT e.name, e.created, e.deleted,"
            " (SELECT count(*) FROM run WHERE experiment = e.id AND parent IS NULL AND deleted IS NULL),"
            " (SELECT max(start) FROM run WHERE experiment = e.id) AS last"
            f" FROM experiment e WHERE e.deleted IS {'NOT ' if deleted else ''}NULL"
            " ORDER BY coalesce(last, e.created) DESC, e.id DESC"
        )
        with self._snapshot() as connection:
            return [ExperimentRow(*row) for row in connection.execute(sql)]

    def runs_frame(
        self,
        experiment: str | None = None,
        where: str | None = None,
        *,
        children: bool = False,
        kind: str | Sequence[str] | None = None,
        status: str | Sequence[str] | None = None,
        sort_by: str | None = None,
        ascending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        deleted: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The runs as a table, newest first: one row each, one column per parameter, metric and tag.

        `columns` chooses some of them, and is much faster where runs have many parameters.
        """
        from skribe.store.frame import build

        selection = Selection(experiment, where, children, kind, status, sort_by, ascending, limit, offset, deleted)
        with self._snapshot() as connection:
            return build(connection, selection, self._pulse.dead(connection), columns)

    def count(
        self,
        experiment: str | None = None,
        where: str | None = None,
        *,
        children: bool = False,
        kind: str | Sequence[str] | None = None,
        status: str | Sequence[str] | None = None,
        deleted: bool = False,
    ) -> int:
        """How many rows `runs_frame` would have without a limit."""
        selection = Selection(experiment, where, children, kind, status, deleted=deleted)
        with self._snapshot() as connection:
            return selection.count(connection, self._pulse.dead(connection))

    def keys(self, group: str, run_ids: Sequence[str] | None = None) -> list[str]:
        """The keys of `params`, `metrics`, `tags` or `facts` in use; of the newest 1000 runs if none are named."""
        table = {"params": "param", "metrics": "metric", "tags": "tag", "facts": "fact"}[group]
        runs = "SELECT num FROM run ORDER BY num DESC LIMIT 1000"
        if run_ids is not None:
            runs = "SELECT num FROM run WHERE id IN (SELECT value FROM json_each(?))"
        arguments = () if run_ids is None else (json.dumps(list(run_ids)),)
        with self._snapshot() as connection:
            sql = f"SELECT DISTINCT key FROM {table} WHERE run IN ({runs}) ORDER BY key"
            return [key for (key,) in connection.execute(sql, arguments)]

    # -- the journal

    def read_changes(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, Changes]]:
        """What was written after this journal number, in order; at most `limit` entries."""
        left = limit
        while left is None or left > 0:
            with self._snapshot() as connection:
                batch = feed.read_batch(connection, after, 200 if left is None else min(left, 200))
            if not batch:
                return
            yield from batch
            after = batch[-1][0]
            left = None if left is None else left - len(batch)

    def whole(self, run: str | RunRow) -> Changes:
        """All that is known of a run as one `Changes`. NotFound if there is none."""
        with self._snapshot() as connection:
            return feed.read_run(connection, self._number(connection, run))

    def last_seq(self) -> int:
        """The newest journal number; 0 in an empty store."""
        with self._snapshot() as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0])

    def seq_before(self, moment: float) -> int:
        """The journal number after which the first run that began at this moment, or later, was written."""
        with self._snapshot() as connection:
            sql = "SELECT min(j.seq) - 1 FROM journal j JOIN run r ON r.num = j.run WHERE r.start >= ?"
            (found,) = connection.execute(sql, (moment,)).fetchone()
        return self.last_seq() if found is None else int(found)

    def pending(self, backend: str, after: int, everything: bool = False) -> tuple[int, int]:
        """How many runs wait for a backend that was fed up to this journal number, and how many entries about them."""
        return self.ask(lambda connection: pending(connection, backend, after, everything))

    def backends(self) -> set[str]:
        """The backends that runs of this store are to be delivered to, or have been."""
        return self.ask(backends_in)

    def refusals(self, backend: str | None = None, run: str | None = None) -> list[Refusal]:
        """What backends would not take."""
        return self.ask(lambda connection: refusals(connection, backend, run))

    def positions(self) -> dict[str, Position]:
        """How far each backend has been fed."""
        with self._snapshot() as connection:
            return positions(connection)

    def remotes(self, run: str | RunRow) -> dict[str, str]:
        """The id that the run has in each backend that has given it one."""
        with self._snapshot() as connection:
            return remotes_of(connection, self._run_row(connection, run).id if isinstance(run, str) else run.id)
