"""Runs come into a store: their files first, then their records, many in one transaction.

What is interrupted can be repeated: a run without its record is not there, and its files are written again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from skribe.exchange.joining import addition
from skribe.exchange.registering import register
from skribe.records import Changes, ProcessInfo
from skribe.store.artifacts import ArtifactStore
from skribe.store.changing import Changing
from skribe.store.location import create_folder, database_of
from skribe.store.query import Query
from skribe.store.rows import Rows

Copy = Callable[[BinaryIO], None]
# Runs in one transaction.
_AT_ONCE = 100


@dataclass(slots=True)
class Landed:
    """How many runs were new, were here and got something, and were here and had everything."""

    new: int = 0
    completed: int = 0
    known: int = 0
    files: int = 0
    remarks: list[str] = field(default_factory=list)


class Landing(Changing):
    """Brings runs into one store. With `dry`, only counts what would come."""

    def __init__(self, folder: Path, *, experiment: str | None = None, dry: bool = False) -> None:
        super().__init__(folder)
        self.landed = Landed()
        self._experiment = experiment
        self._dry = dry
        self._query = Query(folder)
        self._artifacts = ArtifactStore(folder)
        self._waiting: list[tuple[Changes, ProcessInfo | None]] = []

    def __enter__(self) -> Landing:
        return self

    def __exit__(self, *_error: object) -> None:
        self._query.close()

    def take(self, changes: Changes, process: ProcessInfo | None, files: Mapping[str, Copy]) -> None:
        """Bring one run in: whole if it is new, else what is missing here. `files` write themselves, by path."""
        changes = replace(changes, registered=())
        if self.has(changes.run):
            added = addition(changes, self._query.whole(changes.run))
            if added is None:
                self.landed.known += 1
                return
            self.landed.completed += 1
            files = _of(added, files)
            changes = added
        else:
            self.landed.new += 1
            if self._experiment is not None and changes.start is not None:
                changes = replace(changes, start=changes.start._replace(experiment=self._experiment))
        self.landed.files += len(files)
        if not self._dry:
            self._put(changes, files)
            self._waiting.append((changes, process))
            if len(self._waiting) >= _AT_ONCE:
                self.settle()

    def has(self, run: str) -> bool:
        """Whether the store has this run."""
        sql = "SELECT 1 FROM run WHERE id = ?"
        return self._query.ask(lambda connection: connection.execute(sql, (run,)).fetchone()) is not None

    def keeps(self, run: str, tag: str) -> bool:
        """Whether the store has the run, and not from an import that left this tag; then it counts as known.

        What came back from where this store had sent it says nothing new, and says much less exactly.
        """
        sql = "SELECT NOT EXISTS (SELECT 1 FROM tag WHERE tag.run = run.num AND tag.key = ?) FROM run WHERE run.id = ?"
        row = self._query.ask(lambda connection: connection.execute(sql, (tag, run)).fetchone())
        if row is None or not row[0]:
            return False
        self.landed.known += 1
        return True

    def settle(self) -> None:
        """Write the records that wait."""
        if not self._waiting:
            return
        with self._writing(create=True) as connection:
            rows = Rows(connection)
            seq = rows.next_seq()
            for changes, process in self._waiting:
                rows.write(changes, seq, process)
                seq += 1
        self._waiting.clear()

    def register(self, lines: Iterable[dict[str, Any]]) -> None:
        """Write registered names, once all their runs are here."""
        self.settle()
        told = list(lines)
        if not told or self._dry or not database_of(self.folder).exists():
            return
        with self._writing() as connection:
            for line in told:
                self.landed.remarks += register(connection.execute, line)

    def _put(self, changes: Changes, files: Mapping[str, Copy]) -> None:
        """Models as folders, each whole or not at all; the other files one by one."""
        left = dict(files)
        for model in changes.models:
            inside = {path: left.pop(path) for path in list(left) if path.startswith(f"{model.path}/")}
            if inside:
                cut = len(model.path) + 1
                content = {path[cut:]: copy for path, copy in inside.items()}
                self._artifacts.put_folder(changes.run, model.path, _filler(content))
        if not left:
            return
        create_folder(self.folder)
        # Beside the artifacts, so that a large file does not fill up another disk.
        with tempfile.TemporaryDirectory(prefix=".skribe-import-", dir=self.folder) as staging:
            waiting = os.path.join(staging, "file")
            for path, copy in left.items():
                with open(waiting, "wb") as file:
                    copy(file)
                self._artifacts.put_file(changes.run, path, waiting)


def _of(added: Changes, files: Mapping[str, Copy]) -> dict[str, Copy]:
    """Those of the files that belong to what is added."""
    named = {artifact.path for artifact in added.artifacts}
    folders = tuple(f"{model.path}/" for model in added.models)
    return {path: copy for path, copy in files.items() if path in named or (folders and path.startswith(folders))}


def _filler(content: Mapping[str, Copy]) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        for path, copy in content.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:
                copy(file)

    return fill
