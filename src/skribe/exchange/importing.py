"""`import_runs`: an archive, or what MLflow has written, comes into a store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.exchange.landing import Landing
from skribe.exchange.registering import checked
from skribe.exchange.unpacking import Archive, free_space
from skribe.store.location import DATABASE, check_location, find_store

Step = Callable[[int, int], None]
_SQLITE = b"SQLite format 3\0"
_ZIP = b"PK"
# What `export_runs` writes for other tools, and what holds tables elsewhere.
_TABLES = frozenset({"csv", "tsv", "parquet", "pq", "jsonl", "ndjson", "json", "xlsx", "xls", "feather", "arrow"})
_PREFIXES = ("sqlite:///", "file://")


class Imported(NamedTuple):
    """What an import has brought; in a dry run, what it would bring."""

    store: Path
    new: int  # runs that were not here
    completed: int  # runs that were here, and got something
    known: int  # runs that were here with everything
    files: int
    remarks: tuple[str, ...]  # what did not come, or came as something else


def import_runs(
    source: str | os.PathLike[str],
    *,
    store: str | os.PathLike[str] | None = None,
    experiment: str | None = None,
    deleted: bool = False,
    dry_run: bool = False,
    step: Step | None = None,
) -> Imported:
    """Bring runs into a store: all or nothing of each, and importing the same again changes nothing.

    source:     an archive of `export_runs`; MLflow's database, such as `mlflow.db`; or MLflow's folder `mlruns`.
                It is never changed.
    store:      the folder to write to, instead of the one that is found from here.
    experiment: put new runs into this experiment, instead of that of their own.
    deleted:    also the runs that are deleted in MLflow.
    dry_run:    only count.
    step:       called with (done, total) as it goes on.

    A run that is here already gets what it has not; where both say something, what was heard of later stays.
    """
    folder = find_store(store)
    check_location(folder)
    if experiment is not None and (not isinstance(experiment, str) or not experiment.strip()):
        raise ArgumentError(f"import_runs(experiment={experiment!r}) must be a name")
    kind, path = _kind_of(source)
    tell: Step = step or (lambda _done, _total: None)
    with Landing(folder, experiment=experiment, dry=dry_run) as landing:
        if kind == "archive":
            _from_archive(path, landing, tell)
        else:
            from skribe.exchange.mlflow.importing import bring

            bring(path, kind == "database", landing, deleted, tell)
        landed = landing.landed
    return Imported(folder, landed.new, landed.completed, landed.known, landed.files, tuple(landed.remarks))


def _from_archive(path: Path, landing: Landing, step: Step) -> None:
    with Archive(path, step) as archive:
        needed, free = archive.manifest.size, free_space(landing.folder)
        if needed > free:
            raise StoreError(
                f"{path} holds {needed:,} bytes of files, and where {landing.folder} is {free:,} are free"
            )
        # All of it is looked at before the first run is written.
        registered = [_as_damage_if_wrong(archive, line) for line in archive.registered()]
        total = len(archive.runs)
        for done, changes in enumerate(archive.changes()):
            step(done, total)
            landing.take(changes, archive.process(changes.run), archive.files(changes.run))
        landing.register(registered)
        step(total, total)


def _as_damage_if_wrong(archive: Archive, line: object) -> dict[str, object]:
    with archive.damaged_if:
        return checked(line)


def _kind_of(source: str | os.PathLike[str]) -> tuple[str, Path]:
    """What the source is (`archive`, `database` or `folder`), and where."""
    text = os.fspath(source)
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    if "://" in text:
        raise ArgumentError(
            "import takes an archive of `skribe export`, MLflow's database (mlflow.db) or MLflow's folder (mlruns) on"
            " this machine, not the address of a server: give it the database and the artifacts of the server."
        )
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        if (path / DATABASE).is_file():
            raise ArgumentError(
                f"{path} is a store. Make an archive of it, and import that: skribe export --store {path} runs.zip"
            )
        return "folder", path
    try:
        with open(path, "rb") as file:
            head = file.read(len(_SQLITE))
    except FileNotFoundError:
        raise NotFound(f"there is nothing at {path}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if head == _SQLITE:
        return "database", path
    ending = path.suffix.lower().removeprefix(".")
    if ending in _TABLES and (ending == "xlsx" or not head.startswith(_ZIP)):
        raise ArgumentError(
            f"{path} is a table, which cannot be imported: it has not all that a run is. Import an archive, as"
            " `skribe export runs.zip` makes it."
        )
    return "archive", path
