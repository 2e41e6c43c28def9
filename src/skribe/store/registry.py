"""Changing the registry: names, their versions, aliases, stages, descriptions and tags.

Like `Admin` this raises. Deleting hides; the number of a deleted version is never given to another.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import time
from pathlib import Path

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.models.sealing import seal_of, sealed_in
from skribe.records import Artifact, Model
from skribe.store.artifacts import ArtifactStore
from skribe.store.changing import Changing
from skribe.store.keptrows import append_version, write_models
from skribe.store.names import check_alias, check_name, check_stage, check_text
from skribe.store.query import Query, RunRow
from skribe.store.registered import VersionRow, find_name, resolve_in, versions_in

_TRIES = 5
_COPIES = "registered/"


class Registry(Changing):
    """Changes the registry of one store. `version` is a number, or whatever else `Query.resolve` understands."""

    # -- versions

    def register(self, name: str, run: str, path: str = "model", *, description: str | None = None) -> VersionRow:
        """Make this model of the run the next version of the name, which is made if it is new.

        A model that is a version of the name already is not registered twice. The model of a stream is written
        again by its next step, so what is registered is a copy.
        """
        check_name(name)
        if description is not None:
            check_text("a description", description)
        row, model = self._model(run, path)
        if row.kind == "stream" and not path.startswith(_COPIES):
            model = self._copied(row, model, name)
        with self._writing() as connection:
            version = _version_of(connection, name, row, model)
            if version is None:
                seq = _journal_entry(connection, row)
                if model.path != path:
                    write_models(connection.execute, row.num, seq, row.id, [model])
                    rows = [(row.num, *file, seq) for file in self._files(row.id, model.path)]
                    connection.executemany("INSERT OR REPLACE INTO artifact VALUES (?, ?, ?, ?, ?)", rows)
                digest = _kept_digest(connection, row, model.path)
                _, version = append_version(connection.execute, name, row.id, model.path, digest, seq)
            if description is not None:
                _describe(connection, find_name(connection, name)[0], version, description)
            return resolve_in(connection, name, version)

    def set_stage(self, name: str, version: int | str, stage: str | None) -> VersionRow:
        """Put the version into None, Staging, Production or Archived; upper and lower case are the same."""
        stage = check_stage(stage)
        with self._writing() as connection:
            found = resolve_in(connection, name, version)
            connection.execute(
                "UPDATE version SET stage = ? WHERE registered = ? AND version = ?",
                (stage, find_name(connection, name)[0], found.version),
            )
            return resolve_in(connection, name, found.version)

    def delete_version(self, name: str, version: int | str) -> int:
        """Hide the version; its aliases are gone. Its model is no longer kept for its sake. Its number."""
        with self._writing() as connection:
            found = resolve_in(connection, name, version)
            where = (find_name(connection, name)[0], found.version)
            connection.execute(
                "UPDATE version SET deleted = ? WHERE registered = ? AND version = ?", (time.time(), *where)
            )
            connection.execute("DELETE FROM alias WHERE registered = ? AND version = ?", where)
            return found.version

    def restore_version(self, name: str, version: int) -> VersionRow:
        """Show the version again. NotFound if it was not deleted, or if its model has been removed meanwhile."""
        with self._writing() as connection:
            (number,) = find_name(connection, name)
            deleted = {row.version: row for row in versions_in(connection, name, deleted=True)}
            if version not in deleted:
                raise NotFound(f"the registered model {name!r} has no deleted version {version!r}")
            _check_kept(connection, deleted[version])
            connection.execute(
                "UPDATE version SET deleted = NULL WHERE registered = ? AND version = ?", (number, version)
            )
            return resolve_in(connection, name, version)

    # -- aliases

    def set_alias(self, name: str, alias: str, version: int | str) -> VersionRow:
        """Let the alias mean this version, whatever it meant before."""
        check_alias(alias)
        with self._writing() as connection:
            found = resolve_in(connection, name, version)
            (number,) = find_name(connection, name)
            connection.execute("INSERT OR REPLACE INTO alias VALUES (?, ?, ?)", (number, alias, found.version))
            return resolve_in(connection, name, found.version)

    def delete_alias(self, name: str, alias: str) -> None:
        """Take the alias away. NotFound if there is none."""
        with self._writing() as connection:
            resolve_in(connection, name, f"@{alias}")
            (number,) = find_name(connection, name)
            connection.execute("DELETE FROM alias WHERE registered = ? AND alias = ?", (number, alias))

    # -- words

    def describe(self, name: str, text: str, version: int | str | None = None) -> None:
        """Say what the name, or one version of it, is about."""
        check_text("a description", text)
        with self._writing() as connection:
            number, found = _place(connection, name, version)
            _describe(connection, number, found, text)

    def set_tag(self, name: str, key: str, value: object, version: int | str | None = None) -> None:
        """Attach a word to the name, or to one version of it."""
        cells = (check_text("a tag's name", key, empty=False), check_text("a tag", str(value)))
        with self._writing() as connection:
            number, found = _place(connection, name, version)
            if found is None:
                connection.execute("INSERT OR REPLACE INTO registered_tag VALUES (?, ?, ?)", (number, *cells))
            else:
                connection.execute("INSERT OR REPLACE INTO version_tag VALUES (?, ?, ?, ?)", (number, found, *cells))

    def delete_tag(self, name: str, key: str, version: int | str | None = None) -> None:
        """Take the word away. NotFound if there is none."""
        check_text("a tag's name", key)
        with self._writing() as connection:
            number, found = _place(connection, name, version)
            if found is None:
                sql = "DELETE FROM registered_tag WHERE registered = ?1 AND key = ?2"
            else:
                sql = "DELETE FROM version_tag WHERE registered = ?1 AND key = ?2 AND version = ?3"
            if not connection.execute(sql, (number, key) if found is None else (number, key, found)).rowcount:
                of = f"the registered model {name!r}" if found is None else f"version {found} of {name!r}"
                raise NotFound(f"{of} has no tag {key!r}")

    # -- names

    def rename(self, name: str, new: str) -> None:
        """Give the name's versions another name. ArgumentError if that is taken."""
        check_name(new)
        with self._writing() as connection:
            (number,) = find_name(connection, name)
            if new != name:
                _check_free(connection, new)
            # Numbers that another model had under the new name are not given again either.
            connection.execute(
                "UPDATE registered SET name = ?1, last = max(last, (SELECT max(last) FROM registered"
                " WHERE name = ?1 OR id = ?2)) WHERE id = ?2",
                (new, number),
            )

    def delete(self, name: str) -> None:
        """Hide the name with all its versions, whose models are no longer kept for their sake."""
        with self._writing() as connection:
            (number,) = find_name(connection, name)
            connection.execute("UPDATE registered SET deleted = ? WHERE id = ?", (time.time(), number))

    def restore(self, name: str) -> None:
        """Show the one of this name that was deleted last again. ArgumentError if the name is taken meanwhile."""
        with self._writing() as connection:
            row = connection.execute(
                "SELECT id FROM registered WHERE name = ? AND deleted IS NOT NULL ORDER BY deleted DESC, id DESC",
                (check_text("a name", name),),
            ).fetchone()
            if row is None:
                raise NotFound(f"no registered model {name!r} was deleted")
            _check_free(connection, name)
            connection.execute("UPDATE registered SET deleted = NULL WHERE id = ?", row)

    # -- behind them

    def _model(self, run: str, path: str) -> tuple[RunRow, Model]:
        with contextlib.closing(Query(self.folder)) as query:
            row = query.run_row(run)
            if row.deleted is not None:
                raise ArgumentError(f"run {row.id} is in the trash; restore it before you register its model")
            model = query.model(row, path)
        ArtifactStore(self.folder).path(row.id, path)
        return row, model

    def _copied(self, row: RunRow, model: Model, name: str) -> Model:
        """A copy of a stream's model, as it is now, which no step writes again."""
        artifacts = ArtifactStore(self.folder)
        for _ in range(_TRIES):
            source = artifacts.path(row.id, model.path)
            before = os.stat(source)
            with contextlib.suppress(FileNotFoundError):
                digest = _digest(source / model.file)
                path = f"{_COPIES}{_as_folder(name)}-{digest[-12:]}"

                def fill(folder: Path, source: Path = source) -> None:
                    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)

                artifacts.put_folder(row.id, path, fill)
                # A step that ended meanwhile has put another folder there, and the copy may be of both.
                if os.stat(source).st_ino == before.st_ino and _digest(source / model.file) == digest:
                    return self._as_it_is(row.id, model, path, digest)
        raise StoreError(f"the model of run {row.id} is written again too often to be copied; try again later")

    def _as_it_is(self, run: str, model: Model, path: str, digest: str) -> Model:
        """The record of a copy, with the seal that its own files deserve."""
        place = ArtifactStore(self.folder).path(run, path)
        digests = {artifact.path.removeprefix(f"{path}/"): artifact.digest for artifact in self._files(run, path)}
        told = sealed_in(place, run, model.path)
        is_own = told is not None and all(digests.get(name) == told[2][name] for name in told[2])
        seal = seal_of(model.file, model.format, digests) if is_own else None
        return model._replace(path=path, digest=digest, size=os.stat(place / model.file).st_size, seal=seal)

    def _files(self, run: str, path: str) -> list[Artifact]:
        """The files of a copy."""
        root = ArtifactStore(self.folder).path(run, path)
        files = (file for file in sorted(root.rglob("*")) if file.is_file())
        return [Artifact(f"{path}/{f.relative_to(root).as_posix()}", f.stat().st_size, _digest(f)) for f in files]


def _digest(file: Path) -> str:
    with open(file, "rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def _as_folder(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)[:60].strip("._") or "model"


def _journal_entry(connection: sqlite3.Connection, row: RunRow) -> int:
    """A number of the journal, so that replicas learn of it."""
    if connection.execute("SELECT 1 FROM run WHERE num = ? AND id = ?", (row.num, row.id)).fetchone() is None:
        raise NotFound(f"run {row.id} was deleted meanwhile")
    cursor = connection.execute("INSERT INTO journal (run, time) VALUES (?, ?)", (row.num, time.time()))
    return int(cursor.lastrowid or 0)


def _kept_digest(connection: sqlite3.Connection, row: RunRow, path: str) -> str:
    """The digest of the model as it is now. NotFound if its files were removed just now."""
    found = connection.execute(
        "SELECT digest FROM model WHERE run = ? AND path = ? AND removed IS NULL", (row.num, path)
    ).fetchone()
    if found is None:
        raise NotFound(f"the model {path!r} of run {row.id} was removed meanwhile")
    return str(found[0])


def _version_of(connection: sqlite3.Connection, name: str, row: RunRow, model: Model) -> int | None:
    """The version of this name that the model is already."""
    found = connection.execute(
        "SELECT v.version FROM version v JOIN registered g ON g.id = v.registered WHERE g.name = ? AND v.run = ?"
        " AND v.path = ? AND v.digest = ? AND v.deleted IS NULL AND g.deleted IS NULL ORDER BY v.version DESC",
        (name, row.id, model.path, model.digest),
    ).fetchone()
    return None if found is None else int(found[0])


def _check_kept(connection: sqlite3.Connection, version: VersionRow) -> None:
    kept = connection.execute(
        "SELECT 1 FROM model m JOIN run r ON r.num = m.run WHERE r.id = ? AND m.path = ? AND m.removed IS NULL",
        (version.run, version.path),
    ).fetchone()
    if kept is None:
        raise NotFound(f"version {version.version} of {version.name!r} cannot be restored: its model was removed")


def _place(connection: sqlite3.Connection, name: str, version: int | str | None) -> tuple[int, int | None]:
    (number,) = find_name(connection, name)
    return number, None if version is None else resolve_in(connection, name, version).version


def _describe(connection: sqlite3.Connection, number: int, version: int | None, text: str) -> None:
    if version is None:
        connection.execute("UPDATE registered SET description = ? WHERE id = ?", (text, number))
    else:
        connection.execute(
            "UPDATE version SET description = ? WHERE registered = ? AND version = ?", (text, number, version)
        )


def _check_free(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM registered WHERE name = ? AND deleted IS NULL", (name,)).fetchone():
        raise ArgumentError(f"there is already a registered model {name!r}; choose another name")
