"""The files of runs: written whole or not at all, and never outside of the run's own folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

import xxhash

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.records import Artifact
from skribe.store import parts
from skribe.store.location import artifacts_of, create_folder

T = TypeVar("T")

_BLOCK = 1 << 20
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


class ArtifactStore:
    """The artifacts folder of one store."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(os.path.abspath(folder))

    def put_bytes(self, run_id: str, relative_path: str, data: bytes | bytearray | memoryview) -> Artifact:
        """Write `data` under this path of the run. A file that is there is replaced in one step."""

        def fill(file: BinaryIO) -> str:
            file.write(data)
            return xxhash.xxh3_128_hexdigest(data)

        return self._put(run_id, relative_path, fill)

    def put_file(self, run_id: str, relative_path: str, source: str | os.PathLike[str]) -> Artifact:
        """Copy the file `source` to this path of the run."""
        if not os.path.isfile(source):
            raise NotFound(f"there is no file {os.fspath(source)}")

        def fill(file: BinaryIO) -> str:
            digest = xxhash.xxh3_128()
            with open(source, "rb") as original:
                while block := original.read(_BLOCK):
                    digest.update(block)
                    file.write(block)
            return digest.hexdigest()

        return self._put(run_id, relative_path, fill)

    def _put(self, run_id: str, relative_path: str, fill: Callable[[BinaryIO], str]) -> Artifact:
        clean = confined(relative_path)
        root = self._root(run_id)
        target = root / clean
        beside = target.with_name(parts.new_name())
        try:
            if not self.folder.exists():
                create_folder(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            _check_inside(root, target.parent, relative_path)
            try:
                with open(beside, "xb") as file:
                    digest = fill(file)
                    size = file.tell()
                os.replace(beside, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    beside.unlink()
                raise
        except OSError as error:
            raise StoreError(f"the artifact {clean} of run {run_id} could not be written: {error}") from error
        return Artifact(clean, size, digest)

    def put_folder(self, run_id: str, relative_path: str, fill: Callable[[Path], T]) -> T:
        """Put what `fill` writes into an empty folder at this path of the run, whole or not at all.

        What `fill` returns comes back. A folder or a file that is there is replaced; a process that dies in between
        leaves the old or the new one, and a rest which `skribe gc` removes.
        """
        clean = confined(relative_path)
        target = os.path.join(self._root(run_id), *clean.split("/"))
        parent = os.path.dirname(target)
        beside = os.path.join(parent, parts.new_name())
        try:
            if "/" in clean:
                # Directly below the run's folder there is no link that could lead out of it.
                _check_inside(self._root(run_id), Path(parent), relative_path)
            if not os.path.isdir(parent):
                self._make(parent)
            os.mkdir(beside)
            try:
                found = fill(Path(beside))
                parts.put_in_place(beside, target)
            except BaseException:
                shutil.rmtree(beside, ignore_errors=True)
                raise
        except OSError as error:
            raise StoreError(f"the folder {clean} of run {run_id} could not be written: {error}") from error
        return found

    def _make(self, parent: str) -> None:
        try:
            # Usually only the run's own folder is new.
            os.mkdir(parent)
        except FileNotFoundError:
            create_folder(self.folder)
            os.makedirs(parent, exist_ok=True)
        except FileExistsError:
            os.makedirs(parent, exist_ok=True)

    def place(self, run_id: str, relative_path: str) -> Path:
        """Where something of this path is, or would be."""
        return self._root(run_id) / confined(relative_path)

    def is_linked(self, run_id: str, relative_path: str) -> bool:
        """Whether this place of the run is a link, or is reached through one."""
        root, place = self._root(run_id), self.place(run_id, relative_path)
        return any(each.is_symlink() for each in (place, *place.parents) if each.is_relative_to(root))

    def take_away(self, run_id: str, relative_path: str) -> str | None:
        """Take what is at this path out of its place, in one step. Where it is now; None if there is nothing.

        A link is neither followed nor taken away.
        """
        place = self.place(run_id, relative_path)
        if self.is_linked(run_id, relative_path):
            return None
        try:
            return parts.put_aside(str(place))
        except OSError:
            return None

    def path(self, run_id: str, relative_path: str = "") -> Path:
        """Where the artifact (or, without a path, the run's folder) is. NotFound if there is none."""
        root = self._root(run_id)
        found = root / confined(relative_path) if relative_path else root
        if not found.exists():
            raise NotFound(f"run {run_id} has no artifact {relative_path!r}" + self._others(run_id))
        _check_inside(root, found, relative_path)
        return found

    def open(self, run_id: str, relative_path: str) -> BinaryIO:
        """The artifact, opened for reading bytes."""
        found = self.path(run_id, relative_path)
        if not found.is_file():
            raise NotFound(f"{relative_path!r} of run {run_id} is a folder, not a file")
        return open(found, "rb")

    def list(self, run_id: str, under: str = "") -> list[str]:
        """The paths of the run's files, sorted; with `under`, those in that folder."""
        root = self._root(run_id)
        start = root / confined(under) if under else root
        _check_inside(root, start, under)
        found = []
        for folder, folders, names in os.walk(start):
            inside = Path(folder).relative_to(root)
            found += [(inside / name).as_posix() for name in names if not parts.is_part(name)]
            folders[:] = [name for name in folders if not parts.is_part(name)]
        return sorted(found)

    def remove(self, run_id: str) -> None:
        """Delete all files of the run."""
        shutil.rmtree(self._root(run_id), ignore_errors=True)

    def _root(self, run_id: str) -> Path:
        if not _RUN_ID.fullmatch(run_id):
            raise ArgumentError(f"{run_id!r} is not the id of a run")
        return artifacts_of(self.folder) / run_id

    def _others(self, run_id: str) -> str:
        names = self.list(run_id)
        return f"; it has {', '.join(names[:10])}" if names else "; it has none"


def _check_inside(root: Path, place: Path, relative_path: str) -> None:
    # A link inside the run's folder may lead out of it.
    if not place.resolve().is_relative_to(root.resolve()):
        raise ArgumentError(f"the artifact path {relative_path!r} leads out of the run's folder")


def confined(relative_path: str) -> str:
    """The path with forward slashes; ArgumentError if it could lead out of the run's folder, on any system."""
    text = str(relative_path).replace("\\", "/")
    path = PurePosixPath(text)
    problem = None
    if not text or not path.parts:
        problem = "it is empty"
    elif "\0" in text:
        problem = "it contains the NUL character"
    elif path.is_absolute():
        problem = "it is absolute"
    elif ".." in path.parts:
        problem = "it contains '..'"
    elif ":" in path.parts[0][:2]:
        problem = "it begins with a drive letter"
    elif any(map(parts.is_part, path.parts)):
        problem = "such names are skribe's own"
    else:
        try:
            os.fsencode(text)
        except UnicodeEncodeError:
            problem = "it cannot be the name of a file"
    if problem:
        raise ArgumentError(f"the artifact path {relative_path!r} must be relative to the run: {problem}")
    return path.as_posix()
