"""A backend that is another local store: a folder, such as one on a shared disk, with a copy of every run.

Whoever opens that folder sees the runs under the same ids, with their files, models and processes.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from skribe.backends.options import check_switches
from skribe.backends.protocol import Capabilities, Outbox
from skribe.errors import ArgumentError, BackendError, Misconfigured, NotFound, Refused, StoreError, Unreachable
from skribe.records import Changes, Model, ProcessInfo, new_id
from skribe.store import codec
from skribe.store.artifacts import ArtifactStore
from skribe.store.changing import Changing
from skribe.store.location import artifacts_of, check_location, database_of
from skribe.store.query import Query
from skribe.store.rows import Rows

_GONE = "the file is not there any more"
_INSIDE = (
    "WITH RECURSIVE inside (num) AS (SELECT num FROM run WHERE id IN (SELECT value FROM json_each(?))"
    " UNION SELECT r.num FROM run r JOIN inside i ON r.parent = i.num)"
    " SELECT id FROM run WHERE num IN (SELECT num FROM inside)"
)


class LocalBackend(Changing):
    """Copies runs into the store in the folder `address`; without their models, or without other files, if wanted."""

    def __init__(self, address: str = "", *, models: bool = True, files: bool = True) -> None:
        check_switches("local", models=models, files=files)
        super().__init__(Path(self.resolve(address)))
        self._models = models
        self._files = files
        self._outbox: Outbox | None = None
        self._source: Query | None = None
        self._query = Query(self.folder)
        self._artifacts = ArtifactStore(self.folder)

    @staticmethod
    def resolve(address: str) -> str:
        """The folder that is meant, from the root of the disk."""
        if not address.strip() or "\0" in address:
            raise ArgumentError("the backend 'local' needs a folder: write 'local:/path/to/folder'.")
        try:
            return str(Path(address.strip()).expanduser().absolute())
        except (OSError, RuntimeError) as error:
            raise ArgumentError(f"the backend 'local' cannot tell which folder {address!r} is: {error}") from None

    @property
    def address(self) -> str:
        return str(self.folder)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(live=True, erases=True)

    def open(self, outbox: Outbox) -> None:
        """Look whether the folder can be written. What it was asked to copy from is remembered."""
        self.close()
        place = outbox.folder(new_id()).parent
        if place.resolve() == artifacts_of(self.folder).resolve():
            raise Misconfigured(f"{self.folder} is the store itself; name another folder for its copy.")
        with _unreachable(self.folder):
            check_location(self.folder)
        self._outbox = outbox
        # What the outbox does not tell, such as the process of a run, is in the store that it belongs to.
        if database_of(place.parent).is_file():
            self._source = Query(place.parent)

    def deliver(self, changes: Sequence[Changes]) -> None:
        if self._outbox is None:
            raise BackendError("the backend 'local' is not open; call open(outbox) before deliver.")
        if not changes:
            return
        with _unreachable(self.folder):
            here = self._known(one.run for one in changes)
            whole = [self._whole(one, one.run in here) for one in changes]
            ready = [self._with_files(one) for one in whole]
            processes = [self._process(one.run) for one in ready]
            erased = {one.run: self._inside(one.erased) for one in ready if one.erased}
            self._write_all(list(zip(ready, processes, strict=True)))
            # The ids are the same there. One that is known there and begins nothing was remembered before.
            if new := {one.run: one.run for one in ready if one.start is not None}:
                self._outbox.remember(new)
            gone = {run for runs in erased.values() for run in runs}
            for run in gone - self._known(gone):
                self._artifacts.remove(run)

    def settle(self) -> None:
        """Nothing is put off."""

    def close(self) -> None:
        source, self._source, self._outbox = self._source, None, None
        for query in (self._query, source):
            if query is not None:
                query.close()

    def link(self, run: str) -> str | None:  # noqa: ARG002 - the protocol's
        return None

    # -- records

    def _write_all(self, ready: Sequence[tuple[Changes, ProcessInfo | None]]) -> None:
        try:
            self._write(ready, lambda changes: changes)
        except (ValueError, TypeError, OverflowError):
            # Something in them cannot be stored as it is.
            try:
                self._write(ready, codec.sound)
            except (ValueError, TypeError, OverflowError) as error:
                raise Refused(f"the records cannot be stored in {self.folder}: {error}") from error

    def _write(self, ready: Sequence[tuple[Changes, ProcessInfo | None]], form: Callable[[Changes], Changes]) -> None:
        with self._writing(create=True) as connection:
            rows = Rows(connection)
            seq = rows.next_seq()
            for changes, process in ready:
                rows.write(form(changes), seq, process)
                seq += 1

    def _whole(self, changes: Changes, is_here: bool) -> Changes:
        """With what only the store knows: all of it, where the folder has been emptied, and a search's results."""
        assert self._outbox is not None
        if not is_here and changes.start is None:
            changes = replace(self._outbox.whole(changes.run) or changes, erased=changes.erased)
        if self._source is None or changes.end is None or changes.results:
            return changes
        with contextlib.suppress(NotFound):
            return replace(
                changes,
                candidates=tuple(self._source.candidates(changes.run)),
                results=tuple(self._source.results(changes.run)),
            )
        return changes

    def _process(self, run: str) -> ProcessInfo | None:
        if self._source is None:
            return None
        with contextlib.suppress(NotFound):
            return self._source.process(run)
        return None

    def _known(self, runs: Iterable[str]) -> set[str]:
        """Those of the runs that are in the folder."""
        sql = "SELECT id FROM run WHERE id IN (SELECT value FROM json_each(?))"
        return self._ask(sql, runs)

    def _inside(self, runs: Iterable[str]) -> set[str]:
        """These runs and all that are inside of them."""
        return self._ask(_INSIDE, runs)

    def _ask(self, sql: str, runs: Iterable[str]) -> set[str]:
        cell = codec.json_text(sorted(runs))

        def ask(connection: Any) -> set[str]:
            return {run for (run,) in connection.execute(sql, (cell,))}

        return self._query.ask(ask)

    # -- files

    def _with_files(self, changes: Changes) -> Changes:
        """Copy the files of a run. The changes without those that are not copied."""
        if not (changes.artifacts or changes.models or changes.registered):
            return changes
        assert self._outbox is not None
        source = self._outbox.folder(changes.run)
        models = [model for model in changes.models if self._models and self._copy_model(changes.run, source, model)]
        folders = tuple(f"{model.path}/" for model in changes.models)
        artifacts = []
        for artifact in changes.artifacts:
            if artifact.path.startswith(folders or ("\0",)):
                kept = any(artifact.path.startswith(f"{model.path}/") for model in models)
            elif _is_of_a_model(source, artifact.path):
                kept = self._models and self._copy_file(changes.run, source, artifact.path)
            else:
                kept = self._files and self._copy_file(changes.run, source, artifact.path)
            if kept:
                artifacts.append(artifact)
        registered = changes.registered if self._models else ()
        return replace(changes, models=tuple(models), artifacts=tuple(artifacts), registered=registered)

    def _copy_model(self, run: str, source: Path, model: Model) -> bool:
        place = source / model.path

        def fill(folder: Path) -> None:
            shutil.copytree(place, folder, symlinks=True, dirs_exist_ok=True)

        if not place.is_dir():
            return self._aside(run, model.path, _GONE)
        try:
            self._artifacts.put_folder(run, model.path, fill)
        except (StoreError, shutil.Error):
            # A stream puts the folder of its next step here: that one is delivered next.
            if place.is_dir():
                raise
            return self._aside(run, model.path, _GONE)
        except ArgumentError as error:
            return self._aside(run, model.path, str(error))
        return True

    def _copy_file(self, run: str, source: Path, path: str) -> bool:
        try:
            self._artifacts.put_file(run, path, source / path)
        except NotFound:
            return self._aside(run, path, _GONE)
        except ArgumentError as error:
            return self._aside(run, path, str(error))
        return True

    def _aside(self, run: str, what: str, reason: str) -> bool:
        assert self._outbox is not None
        self._outbox.set_aside(run, what, reason)
        return False


def _is_of_a_model(source: Path, path: str) -> bool:
    """Whether the file lies in a folder that holds a model."""
    folder = (source / path).parent
    while folder != source and folder != folder.parent:
        if (folder / "MLmodel").is_file():
            return True
        folder = folder.parent
    return False


@contextlib.contextmanager
def _unreachable(folder: Path) -> Iterator[None]:
    """A store that cannot be written now may be later: a disk that is full, a share that is away."""
    try:
        yield
    except (StoreError, OSError) as error:
        raise Unreachable(f"the folder {folder} cannot be written: {error}") from error
