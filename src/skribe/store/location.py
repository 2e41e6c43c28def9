"""Where the store is: `skribe_runs/` of the project, unless somebody says otherwise.

    skribe_runs/
      .gitignore            `*`: runs are not source code
      skribe.db             the database (with skribe.db-wal and skribe.db-shm while it is in use)
      artifacts/<run id>/   the files of one run

Looking for a store creates nothing; the first write does.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from skribe.errors import StoreError

FOLDER = "skribe_runs"
DATABASE = "skribe.db"
ARTIFACTS = "artifacts"
VARIABLE = "SKRIBE_STORE"


def find_store(argument: str | os.PathLike[str] | None = None) -> Path:
    """The store's folder, absolute, whether or not it is there yet.

    In this order: the argument; the environment variable SKRIBE_STORE; the nearest `skribe_runs/` with a store in
    it, from the working directory upwards; `skribe_runs/` beside the project's `.git`; `skribe_runs/` here.
    """
    named = argument if argument is not None else os.environ.get(VARIABLE) or None
    try:
        if named is not None:
            return _absolute(named)
        here = Path.cwd()
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise StoreError(f"skribe cannot tell which folder is meant by {named!r}: {error}") from error
    upwards = [here, *here.parents]
    for folder in upwards:
        if database_of(folder / FOLDER).is_file():
            return folder / FOLDER
    for folder in upwards:
        # In a worktree or a submodule `.git` is a file.
        if (folder / ".git").exists():
            return folder / FOLDER
    return here / FOLDER


def _absolute(named: str | os.PathLike[str]) -> Path:
    text = os.fspath(named)
    if not text or "\0" in text:
        raise ValueError("a folder's name cannot be empty, nor contain the NUL character")
    return Path(os.path.abspath(Path(text).expanduser()))


def database_of(folder: Path) -> Path:
    """The store's database file."""
    return folder / DATABASE


def artifacts_of(folder: Path) -> Path:
    """The folder below which every run has its own folder of artifacts."""
    return folder / ARTIFACTS


def check_location(folder: Path) -> None:
    """Raise a StoreError that says what is wrong if a store that was asked for by name could not be written there.

    Nothing is created. What goes wrong later is the journal's business and never raises.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"the store must be a folder, and {folder} is a file; name a folder (it may be new)")
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise StoreError(f"the store {folder} cannot be created: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        doing = "written to" if there == folder else "created"
        raise StoreError(f"the store {folder} cannot be {doing}: no permission to write in {there}")
    database = database_of(folder)
    if database.exists():
        if not database.is_file():
            raise StoreError(f"{database} must be the store's database file, and it is a folder")
        if not os.access(database, os.W_OK):
            raise StoreError(f"the store {folder} cannot be written to: no permission to write {database}")
        _check_database(folder)


def _check_database(folder: Path) -> None:
    from skribe.store.connection import open_reader

    open_reader(folder).close()


def create_folder(folder: Path) -> None:
    """Make the store's folder, with the file that keeps it out of git. Two processes may do this at once."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    # Without the file the store works as well, so this is not worth an error.
    with contextlib.suppress(OSError):
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
