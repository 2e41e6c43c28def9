"""What `skribe gc` does: files that nothing in the store leads to any more are deleted, and the trash if asked.

Nothing outside of the store's artifacts folder is touched: links are neither followed nor removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from skribe.errors import ArgumentError, NotFound
from skribe.store import parts
from skribe.store.artifacts import ArtifactStore
from skribe.store.changing import Changing
from skribe.store.erasing import Trashed, in_the_trash, purge
from skribe.store.keeping import Keep, beyond
from skribe.store.location import artifacts_of, database_of
from skribe.store.migrations import knows
from skribe.store.query import Query
from skribe.store.removing import KeptFiles, Remover, removable
from skribe.store.spool import records_wait

T = TypeVar("T")
What = Literal["model beyond the cap", "removed model", "run in the trash", "files without a run", "unfinished file"]

# A process may have put files into their place and not yet written the row that leads to them.
_YOUNG = 3600.0
_DAY = 86400.0
_WEEK = 7 * _DAY
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COPIES = "registered"
_DRAWN = "drawn"  # beside the artifacts: a folder for each run whose pictures were asked for as files


class Gone(NamedTuple):
    """Something that was deleted: what it was, its path below the artifacts folder, and its bytes on the disk."""

    what: What
    path: str
    size: int


@dataclass(slots=True)
class Collected:
    """What was deleted (in a dry run: would be), and what was kept although it is in the trash, with the reason."""

    gone: list[Gone] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The bytes of all."""
        return sum(gone.size for gone in self.gone)


def collect(
    folder: Path, *, keep: Keep | None = None, empty_trash: float | None = None, dry_run: bool = False
) -> Collected:
    """Delete what the cap, deleted runs and dead processes have left.

    With `empty_trash`, also the runs that have been in the trash for more than so many days, with all that is known
    of them; not those that a registered version needs.
    """
    if empty_trash is not None and not 0 <= empty_trash < float("inf"):
        raise ArgumentError(f"empty_trash must be a number of days from 0 on, not {empty_trash!r}")
    if not database_of(folder).exists():
        raise NotFound(f"{folder} holds no store")
    collector = _Collector(folder, dry_run)
    collector.unfinished()
    if empty_trash is not None:
        collector.trash(time.time() - empty_trash * _DAY)
    if keep is not None:
        collector.cap(keep)
    collector.without_a_row()
    return collector.found


class _Collector(Changing):
    def __init__(self, folder: Path, dry_run: bool) -> None:
        super().__init__(folder)
        self.found = Collected()
        self._dry = dry_run
        self._artifacts = ArtifactStore(folder)
        self._root = artifacts_of(folder)
        self._done: set[str] = set()

    def unfinished(self) -> None:
        """What processes were writing when they died. An old folder whose new one never came goes back."""
        for path in list(_unfinished(self._root)):
            writer = parts.writer_of(os.path.basename(path))
            # After a week the number of a living process is another one's.
            if writer is None or not _is_old(path, _WEEK if _is_alive(writer) else _YOUNG):
                continue
            if not parts.made_way(path):
                self._delete("unfinished file", path)
            elif not self._dry:
                with contextlib.suppress(OSError):
                    parts.bring_back(path)

    def trash(self, before: float) -> None:
        """The runs that went to the trash before this moment, and their files."""

        def ready(connection: sqlite3.Connection) -> Trashed:
            return in_the_trash(connection, before)

        trashed = self._ask(ready)
        if trashed.runs and not self._dry:
            with self._writing() as connection:
                trashed = ready(connection)
                purge(connection.execute, trashed.runs, before)
        self.found.kept += trashed.kept
        for run in trashed.runs:
            self._delete("run in the trash", str(self._root / run), always=True)
        self._drawn(set(trashed.runs).__contains__)

    def cap(self, keep: Keep) -> None:
        """The models beyond the cap."""

        def choose(connection: sqlite3.Connection) -> list[KeptFiles]:
            return beyond(connection, keep)

        chosen = removable(self.folder, self._ask(choose))
        places = {(model.run, model.path): str(self._artifacts.place(model.run, model.path)) for model in chosen}
        sizes = {key: _size(place) for key, place in places.items()}
        if not self._dry and chosen:
            chosen = Remover(self.folder).remove(choose)
        for model in chosen:
            key = (model.run, model.path)
            self._note("model beyond the cap", places.get(key, "/".join(key)), sizes.get(key, model.size))

    def without_a_row(self) -> None:
        """Folders of runs and of models to which nothing leads, unless they are young."""
        # First the folders, then the rows: who writes in between is found.
        folders = [entry.path for entry in _folders(self._root) if _RUN.fullmatch(entry.name)]
        copies = [entry.path for path in folders for entry in _folders(os.path.join(path, _COPIES))]
        if records_wait(self.folder):
            # Their rows have yet to come.
            return
        runs, models, removed = self._ask(_rows)
        self._drawn(lambda name: name not in runs)
        for path in folders:
            if os.path.basename(path) not in runs and _is_old(path, _YOUNG):
                self._delete("files without a run", path)
        for path in copies:
            run, name = Path(path).parts[-3], Path(path).name
            if run in runs and (run, f"{_COPIES}/{name}") not in models and _is_old(path, _YOUNG):
                self._delete("removed model", path)
        for run, path in removed:
            place = str(self._artifacts.place(run, path))
            if not self._artifacts.is_linked(run, path) and _is_old(place, _YOUNG):
                self._delete("removed model", place)

    def _drawn(self, is_gone: Callable[[str], bool]) -> None:
        """Pictures that were drawn of runs that are gone. They are no files of anybody's, and are not counted."""
        drawn = self.folder / _DRAWN
        if not self._dry and not drawn.is_symlink():
            for entry in _folders(drawn):
                if is_gone(entry.name):
                    parts.remove(entry.path)

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with contextlib.closing(Query(self.folder)) as query:
            return query.ask(question)

    def _delete(self, what: What, path: str, always: bool = False) -> None:
        """Delete it, unless it is a link. With `always` it is noted even if there is nothing."""
        if os.path.islink(path):
            return
        there = os.path.lexists(path)
        size = _size(path)
        if there and not self._dry:
            parts.remove(path)
        if there or always:
            self._note(what, path, size)

    def _note(self, what: What, path: str, size: int) -> None:
        if path not in self._done:
            self._done.add(path)
            self.found.gone.append(Gone(what, os.path.relpath(path, self._root).replace(os.sep, "/"), size))


def _rows(connection: sqlite3.Connection) -> tuple[set[str], set[tuple[str, str]], list[tuple[str, str]]]:
    """The ids of all runs, the models whose files should be there, and those whose files were removed."""
    runs = {run for (run,) in connection.execute("SELECT id FROM run")}
    if not knows(connection, 3):
        return runs, set(), []
    models = connection.execute(
        "SELECT r.id, m.path, m.removed IS NULL FROM model m JOIN run r ON r.num = m.run"
    ).fetchall()
    return (
        runs,
        {(run, path) for run, path, kept in models if kept},
        [(run, path) for run, path, kept in models if not kept],
    )


def _folders(path: str | Path) -> list[os.DirEntry[str]]:
    """The folders in this one, without links to folders."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry for entry in entries if entry.is_dir(follow_symlinks=False)), key=lambda e: e.name)
    except OSError:
        return []


def _unfinished(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        yield from (os.path.join(folder, name) for name in folders + files if parts.is_part(name))
        folders[:] = [name for name in folders if not parts.is_part(name)]


def _entries(path: str) -> Iterator[os.stat_result]:
    """What `lstat` says of everything in a folder, itself included, or of a file."""
    with contextlib.suppress(OSError):
        yield os.lstat(path)
    if os.path.islink(path):
        return
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(folder, name))


def _size(path: str) -> int:
    return sum(found.st_size for found in _entries(path) if not stat.S_ISDIR(found.st_mode))


def _is_old(path: str, age: float) -> bool:
    """Whether nothing in it has changed for so long."""
    # What was copied has the old time of its content, and a new one of its own.
    return time.time() - max((max(f.st_mtime, f.st_ctime) for f in _entries(path)), default=0.0) > age


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
