"""Reading the registry: registered names, their versions, and which version is meant."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from skribe.errors import NotFound
from skribe.store.migrations import knows
from skribe.store.names import LATEST, STAGES, among, number_in, stage_named
from skribe.store.runrows import RunReader, storable_text

_VERSION = (
    "SELECT g.name, v.version, v.run, v.path, v.digest, v.stage, v.description, v.created, v.deleted,"
    " (SELECT json_group_array(alias) FROM (SELECT alias FROM alias WHERE registered = g.id AND version = v.version"
    " ORDER BY alias)),"
    " (SELECT json_group_object(key, value) FROM version_tag WHERE registered = g.id AND version = v.version)"
    " FROM version v JOIN registered g ON g.id = v.registered WHERE g.deleted IS NULL"
)


class VersionRow(NamedTuple):
    """One version of a registered name. Its model is in the folder `path` of its run."""

    name: str
    version: int
    run: str
    path: str
    digest: str
    stage: str
    description: str | None
    created: float
    deleted: float | None
    aliases: tuple[str, ...]
    tags: dict[str, str]


class RegisteredRow(NamedTuple):
    """One registered name; `aliases` says which version each of them means."""

    name: str
    description: str | None
    created: float
    aliases: dict[str, int]
    tags: dict[str, str]


class DeletedRow(NamedTuple):
    """A registered name in the trash, with the number of its versions that went there with it."""

    name: str
    description: str | None
    deleted: float
    versions: int


class RegistryReader(RunReader):
    """The part of `Query` that reads the registry. A file that is older than it has none."""

    def registered_names(self) -> list[str]:
        """The names under which models are registered, sorted."""
        with self._snapshot() as connection:
            return names_in(connection)

    def registered(self, name: str) -> RegisteredRow:
        """A registered name with its aliases and tags. NotFound if there is none."""
        with self._snapshot() as connection:
            number, description, created = find_name(connection, name, "id, description, created")
            aliases = connection.execute("SELECT alias, version FROM alias WHERE registered = ? ORDER BY 1", (number,))
            tags = connection.execute(
                "SELECT key, value FROM registered_tag WHERE registered = ? ORDER BY 1", (number,)
            )
            return RegisteredRow(name, description, created, dict(aliases.fetchall()), dict(tags.fetchall()))

    def registered_deleted(self) -> list[DeletedRow]:
        """The registered names in the trash, the one deleted last first."""
        with self._snapshot() as connection:
            if not knows(connection, 3):
                return []
            sql = (
                "SELECT g.name, g.description, g.deleted, (SELECT count(*) FROM version WHERE registered = g.id"
                " AND deleted IS NULL) FROM registered g WHERE g.deleted IS NOT NULL"
                " ORDER BY g.deleted DESC, g.id DESC"
            )
            return [DeletedRow(*row) for row in connection.execute(sql)]

    def versions(self, name: str | None = None, *, deleted: bool = False) -> list[VersionRow]:
        """The versions of a name (of all, without one), lowest first; with `deleted`, those that were deleted."""
        with self._snapshot() as connection:
            if name is not None:
                find_name(connection, name)
            return versions_in(connection, name, deleted) if knows(connection, 3) else []

    def versions_of_run(self, run: str) -> list[VersionRow]:
        """The versions that the models of this run, named by its whole id, became."""
        with self._snapshot() as connection:
            if not knows(connection, 3):
                return []
            sql = f"{_VERSION} AND v.deleted IS NULL AND v.run = ? ORDER BY g.name, v.version"
            return [_row(*cells) for cells in connection.execute(sql, (storable_text(run),))]

    def resolve(self, name: str, which: int | str = LATEST) -> VersionRow:
        """The version that is meant: a number, `latest`, a stage (its highest version), or an alias.

        `@champion` is only looked for among the aliases. NotFound says what there is.
        """
        with self._snapshot() as connection:
            return resolve_in(connection, name, which)


def names_in(connection: sqlite3.Connection) -> list[str]:
    """The registered names, sorted."""
    if not knows(connection, 3):
        return []
    return [name for (name,) in connection.execute("SELECT name FROM registered WHERE deleted IS NULL ORDER BY name")]


def find_name(connection: sqlite3.Connection, name: str, columns: str = "id") -> tuple[Any, ...]:
    """These columns of the registered name. NotFound, which says what there is, if there is none."""
    row = None
    if knows(connection, 3):
        row = connection.execute(
            f"SELECT {columns} FROM registered WHERE name = ? AND deleted IS NULL", (storable_text(name),)
        ).fetchone()
    if row is None:
        raise NotFound(
            f"there is no registered model {name!r}" + among("registered models", name, names_in(connection))
        )
    return tuple(row)


def versions_in(connection: sqlite3.Connection, name: str | None, deleted: bool = False) -> list[VersionRow]:
    """The versions of a name, or of all, lowest first."""
    sql = f"{_VERSION} AND v.deleted IS {'NOT ' if deleted else ''}NULL AND (?1 IS NULL OR g.name = ?1)"
    return [_row(*cells) for cells in connection.execute(f"{sql} ORDER BY g.name, v.version", (name,))]


def resolve_in(connection: sqlite3.Connection, name: str, which: int | str) -> VersionRow:
    """As `RegistryReader.resolve`, through this connection."""
    find_name(connection, name)
    there = versions_in(connection, name)
    if not there:
        raise NotFound(f"the registered model {name!r} has no version that is not deleted")
    text = str(which)
    number = number_in(text)
    if number is not None:
        found = [row for row in there if row.version == number]
    elif text.lower() == LATEST:
        found = there
    else:
        stage = None if text.startswith("@") else stage_named(text)
        found = [row for row in there if stage is not None and row.stage == stage]
        found = found or [row for row in there if text.removeprefix("@") in row.aliases]
    if not found:
        raise NotFound(f"the registered model {name!r} has {_missing(text, number)}{_what_there_is(text, there)}")
    return found[-1]


def _missing(text: str, number: int | None) -> str:
    if number is not None:
        return f"no version {number}"
    if stage_named(text) is not None:
        return f"no version in the stage {stage_named(text)}"
    return f"no alias {text.removeprefix('@')!r}"


def _what_there_is(text: str, there: list[VersionRow]) -> str:
    numbers = [str(row.version) for row in there]
    shown = ", ".join(numbers if len(numbers) < 12 else [*numbers[:3], "…", *numbers[-8:]])
    stages = ", ".join(f"{row.stage}: {row.version}" for row in there if row.stage != STAGES[0])
    aliases = sorted({alias for row in there for alias in row.aliases})
    return (
        among("aliases", text.removeprefix("@"), aliases)
        + f"; versions: {shown}"
        + (f"; stages: {stages}" if stages else "")
    )


def _row(*cells: Any) -> VersionRow:
    name, version, run, path, digest, stage, description, created, deleted, aliases, tags = cells
    read = (tuple(json.loads(aliases)), json.loads(tags))
    return VersionRow(name, version, run, path, digest, stage, description, created, deleted, *read)
