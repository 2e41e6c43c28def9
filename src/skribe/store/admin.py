"""Changing what is there: experiments and runs are renamed, put into the trash, and taken out again.

Unlike the journal these raise, because somebody asked and waits for the answer. Nothing is ever destroyed here.
"""

from __future__ import annotations

import sqlite3
import time

from skribe.errors import ArgumentError, NotFound
from skribe.store.changing import Changing
from skribe.store.names import check_text


class Admin(Changing):
    """Changes one store. Every call is one transaction."""

    # -- experiments

    def create_experiment(self, name: str) -> None:
        """Add an experiment. ArgumentError if there is one of this name."""
        _check_name(name)
        with self._writing(create=True) as connection:
            _check_free(connection, name)
            connection.execute("INSERT INTO experiment (name, created) VALUES (?, ?)", (name, time.time()))

    def rename_experiment(self, name: str, new_name: str) -> None:
        """Give it another name. ArgumentError if that is taken."""
        _check_name(new_name)
        with self._writing() as connection:
            number = _experiment(connection, name)
            if new_name != name:
                _check_free(connection, new_name)
            connection.execute("UPDATE experiment SET name = ? WHERE id = ?", (new_name, number))

    def delete_experiment(self, name: str) -> None:
        """Put it into the trash; its runs are hidden with it. A new one of the same name may be made."""
        with self._writing() as connection:
            number = _experiment(connection, name)
            connection.execute("UPDATE experiment SET deleted = ? WHERE id = ?", (time.time(), number))

    def restore_experiment(self, name: str) -> None:
        """Take the one of this name that was deleted last out of the trash. ArgumentError if the name is taken."""
        _check_known(name)
        with self._writing() as connection:
            row = connection.execute(
                "SELECT id FROM experiment WHERE name = ? AND deleted IS NOT NULL ORDER BY deleted DESC, id DESC",
                (name,),
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no experiment {name!r} in the trash")
            _check_free(connection, name)
            connection.execute("UPDATE experiment SET deleted = NULL WHERE id = ?", row)
            connection.execute(
                f"{_AGAIN} WHERE experiment = :experiment AND deleted IS NULL ORDER BY num",
                {"experiment": row[0], "now": time.time()},
            )

    # -- runs

    def delete_run(self, run: str) -> str:
        """Put the run and all that is inside it into the trash. The id of the run."""
        row = self._find(run)
        if row.deleted is None:
            with self._writing() as connection:
                connection.execute(
                    f"{_INSIDE} UPDATE run SET deleted = :now WHERE num IN inside AND deleted IS NULL",
                    {"num": row.num, "now": time.time()},
                )
        return row.id

    def restore_run(self, run: str) -> str:
        """Take the run, and what went to the trash with it, out again. The id of the run.

        ArgumentError if its experiment is in the trash: it would stay there with it.
        """
        row = self._find(run)
        with self._writing() as connection:
            held = connection.execute(
                "SELECT e.name FROM run r JOIN experiment e ON e.id = r.experiment"
                " WHERE r.num = ? AND e.deleted IS NOT NULL",
                (row.num,),
            ).fetchone()
            if held is not None:
                raise ArgumentError(f"run {row.id[-8:]} is in the trash with its experiment {held[0]!r}: restore that")
            if row.deleted is not None:
                connection.execute(
                    f"{_INSIDE} UPDATE run SET deleted = NULL WHERE num IN inside AND deleted = :deleted",
                    {"num": row.num, "deleted": row.deleted},
                )
                connection.execute(
                    f"{_INSIDE} {_AGAIN} WHERE num IN inside AND deleted IS NULL ORDER BY num",
                    {"num": row.num, "now": time.time()},
                )
        return row.id

    def delete_tag(self, run: str, key: str) -> str:
        """Take a tag off the run. NotFound if it has none of this key. The id of the run."""
        check_text("a tag's name", key)
        row = self._find(run)
        with self._writing() as connection:
            if not connection.execute("DELETE FROM tag WHERE run = ? AND key = ?", (row.num, key)).rowcount:
                raise NotFound(f"run {row.id[-8:]} has no tag {key!r}")
            # An entry of the journal, so that whoever follows it looks at the run again.
            connection.execute("INSERT INTO journal (run, time) VALUES (?, ?)", (row.num, time.time()))
        return row.id


_INSIDE = (
    "WITH RECURSIVE inside (num) AS (SELECT :num UNION SELECT r.num FROM run r JOIN inside i ON r.parent = i.num)"
)

# What was in the trash has not been given to replicas. They are shown it again.
_AGAIN = "INSERT INTO journal (run, time) SELECT num, :now FROM run"


def _experiment(connection: sqlite3.Connection, name: str) -> int:
    _check_known(name)
    row = connection.execute("SELECT id FROM experiment WHERE name = ? AND deleted IS NULL", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    trash = connection.execute("SELECT 1 FROM experiment WHERE name = ?", (name,)).fetchone()
    raise NotFound(f"there is no experiment {name!r}" + (" (there is one in the trash)" if trash else ""))


def _check_free(connection: sqlite3.Connection, name: str) -> None:
    taken = connection.execute("SELECT 1 FROM experiment WHERE name = ? AND deleted IS NULL", (name,)).fetchone()
    if taken:
        raise ArgumentError(f"there is already an experiment {name!r}; choose another name")


def _check_known(name: str) -> None:
    """NotFound if it is a text that no store can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise NotFound(f"there is no experiment {name!r}: no name has a lone surrogate") from None


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ArgumentError(f"an experiment needs a name, not {name!r}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{name!r} cannot be stored: it has a lone surrogate") from None
