"""Reading what is kept of a run beside its numbers: tables and models."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from skribe.errors import NotFound
from skribe.records import Model, Table
from skribe.store.migrations import knows
from skribe.store.names import among
from skribe.store.runrows import RunReader, RunRow, moment_text, storable_text

T = TypeVar("T")

_MODEL = "path, file, format, size, digest, estimator_class, state, step, seal"


class KeptModel(NamedTuple):
    """A model as the store knows it; `removed` is when its files were removed, None while they are there."""

    model: Model
    removed: float | None


class KeptReader(RunReader):
    """The part of `Query` that reads tables and models. A file that is older than them has none."""

    def tables(self, run: str | RunRow) -> list[Table]:
        """The run's tables, sorted by name and data."""
        rows = self._of_models(run, "SELECT name, data, body FROM table_data WHERE run = ? ORDER BY name, data")
        return [Table(name, data, json.loads(body)) for name, data, body in rows]

    def table_names(self, run: str | RunRow) -> list[tuple[str, str]]:
        """The name and the data of each of the run's tables, without reading them."""
        return self._of_models(run, "SELECT name, data FROM table_data WHERE run = ? ORDER BY name, data")

    def table(self, run: str | RunRow, name: str, data: str) -> Table | None:
        """One table; None if the run has no such."""
        sql = "SELECT name, data, body FROM table_data WHERE run = ? AND name = ? AND data = ?"
        for row in self._of_models(run, sql, storable_text(name), storable_text(data)):
            return Table(row[0], row[1], json.loads(row[2]))
        return None

    def models(self, run: str | RunRow) -> list[Model]:
        """The run's models whose files are there, sorted by path."""
        return [kept.model for kept in self.models_ever(run) if kept.removed is None]

    def models_ever(self, run: str | RunRow) -> list[KeptModel]:
        """The run's models, also those whose files were removed, sorted by path."""
        rows = self._of_models(run, f"SELECT {_MODEL}, removed FROM model WHERE run = ? ORDER BY path")
        return [KeptModel(Model(*row[:-1]), row[-1]) for row in rows]

    def model(self, run: str | RunRow, path: str = "model") -> Model:
        """The run's model in this folder. NotFound if there is none, or if its files were removed."""
        ever = {kept.model.path: kept for kept in self.models_ever(run)}
        found = ever.get(path)
        name = run.id if isinstance(run, RunRow) else run
        if found is None:
            there = [kept.model.path for kept in ever.values() if kept.removed is None]
            raise NotFound(f"run {name} has no model {path!r}" + among("models of the run", path, there))
        if found.removed is not None:
            raise NotFound(
                f"the model {path!r} of run {name} was removed on {moment_text(found.removed)},"
                " because of keep_models or by `skribe gc`; its record is still there"
            )
        return found.model

    def run_of_state(self, state: str) -> str | None:
        """The newest run, not in the trash, that has a model of this state, whether or not its files are there."""
        with self._snapshot() as connection:
            if not knows(connection, 3):
                return None
            row = connection.execute(
                "SELECT r.id FROM model m JOIN run r ON r.num = m.run JOIN experiment e ON e.id = r.experiment"
                " WHERE m.state = ? AND r.deleted IS NULL AND e.deleted IS NULL ORDER BY m.run DESC LIMIT 1",
                (state,),
            ).fetchone()
        return None if row is None else str(row[0])

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to a question that is asked of one moment of the store."""
        with self._snapshot() as connection:
            return question(connection)

    def _of_models(self, run: str | RunRow, sql: str, *more: str) -> list[Any]:
        with self._snapshot() as connection:
            number = self._number(connection, run)
            return connection.execute(sql, (number, *more)).fetchall() if knows(connection, 3) else []
