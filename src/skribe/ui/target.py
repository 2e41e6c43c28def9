"""The folder that frozen pages are written to: only ours is ever replaced."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import skribe
from skribe.errors import ArgumentError

MARK = ".skribe-frozen"


def ready(place: Path, store: Path) -> None:
    """ArgumentError if the folder holds what `freeze` has not written."""
    there, its = Path(os.path.realpath(place)), Path(os.path.realpath(store))
    if its.is_relative_to(there) or there.is_relative_to(its):
        raise ArgumentError(f"{place} is the store's own folder, or around or inside of it; choose another one.")
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise ArgumentError(f"{place} is a file; choose a folder, which may be new.")
    if any(place.iterdir()) and not (place / MARK).is_file():
        raise ArgumentError(
            f"{place} is not empty, and `skribe freeze` has not written what is in it; choose another folder, or empty"
            " this one."
        )


def put_in_place(fresh: Path, place: Path) -> None:
    """Put the files there. Those of the last time that are no more are deleted, and nothing else is."""
    files = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file())
    before = _written(place)
    for folder in {folder for name in files for folder in _folders(place, name)}:
        if folder.is_symlink():
            raise ArgumentError(f"{folder} is a link, and what is written there would go elsewhere; remove the link.")
    place.mkdir(exist_ok=True)
    # First the mark: whatever happens now, the folder can be frozen into again.
    _mark(place, sorted({*files, *before}))
    # The first page comes last, when all that it leads to is there.
    for name in sorted(files, key=lambda name: name == "index.html"):
        to = place / name
        to.parent.mkdir(parents=True, exist_ok=True)
        os.replace(fresh / name, to)
    for name in set(before) - set(files):
        _delete(place, name)
    _mark(place, files)


def _written(place: Path) -> list[str]:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads((place / MARK).read_text(encoding="utf-8"))
        return [name for name in told["files"] if isinstance(name, str) and _is_inside(name)]
    return []


def _is_inside(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts


def _mark(place: Path, files: list[str]) -> None:
    beside = place / f"{MARK}-{os.getpid()}"
    beside.unlink(missing_ok=True)  # it may be a link
    beside.write_text(json.dumps({"skribe": skribe.__version__, "files": files}, indent=0), encoding="utf-8")
    os.replace(beside, place / MARK)


def _delete(place: Path, name: str) -> None:
    folders = _folders(place, name)
    if any(folder.is_symlink() for folder in folders):
        return  # it is elsewhere
    with contextlib.suppress(OSError):
        (place / name).unlink()
        for folder in folders:
            folder.rmdir()


def _folders(place: Path, name: str) -> list[Path]:
    """The folders between the two, the innermost first."""
    return [folder for folder in (place / name).parents if folder != place and folder.is_relative_to(place)]
