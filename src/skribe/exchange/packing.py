"""Writing an archive: as a stream, the same bytes for the same runs, and whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.exchange.layout import (
    BLOCK,
    FILES,
    MANIFEST,
    PROCESSES,
    REGISTERED,
    RUNS,
    Manifest,
    Member,
    Part,
    manifest_text,
)
from skribe.exchange.registering import registered_lines
from skribe.records import Changes, End, Note, ProcessInfo
from skribe.store import parts
from skribe.store.artifacts import ArtifactStore
from skribe.store.codec import encode, encode_process, json_text
from skribe.store.query import Query

Step = Callable[[int, int], None]
_LEFT_OUT = "the runs were exported without models"
# The same for every file, so that equal runs make equal archives.
_MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(slots=True)
class Packed:
    """What an archive holds, and what could not be put into it."""

    runs: int = 0
    files: int = 0
    size: int = 0
    left_out: list[str] = field(default_factory=list)


class Packer:
    """Writes one archive."""

    def __init__(self, query: Query, runs: Sequence[str], *, models: bool, step: Step) -> None:
        self.query = query
        self.runs = runs
        self.models = models
        self.packed = Packed(runs=len(runs))
        self._step = step
        self._artifacts = ArtifactStore(query.folder)
        self._files: list[tuple[str, str]] = []
        self._processes: dict[str, tuple[ProcessInfo, list[str]]] = {}

    def write(self, target: Path) -> Packed:
        """Write the archive in one go, and put it into its place when it is whole."""
        with in_place_of(target) as beside, zipfile.ZipFile(beside, "x", zipfile.ZIP_DEFLATED) as archive:
            told = [self._part(archive, RUNS, self._run_lines())]
            told.append(self._part(archive, PROCESSES, self._process_lines()))
            registered = registered_lines(self.query, set(self.runs)) if self.models else ()
            told.append(self._part(archive, REGISTERED, registered))
            members = list(self._copied(archive))
            told.append(self._part(archive, FILES, (json_text(tuple(member)).encode() for member in members)))
            self.packed.files, self.packed.size = len(members), sum(member.size for member in members)
            parts_by_name = {part.name: part for part in told}
            manifest = Manifest(len(self.runs), self.packed.files, self.packed.size, parts_by_name)
            self._part(archive, MANIFEST, [manifest_text(manifest)])
        return self.packed

    def _part(self, archive: zipfile.ZipFile, name: str, lines: Iterable[bytes]) -> Part:
        digest, size = hashlib.sha256(), 0
        with archive.open(_entry(name), "w", force_zip64=True) as file:
            for line in lines:
                content = line + b"\n"
                digest.update(content)
                size += file.write(content)
        return Part(name, size, digest.hexdigest())

    def _run_lines(self) -> Iterator[bytes]:
        for done, run in enumerate(self.runs):
            self._step(done, len(self.runs))
            changes = whole_of(self.query, run)
            process = self.query.process(run)
            if process is not None:
                self._processes.setdefault(process.token, (process, []))[1].append(run)
            folders = tuple(f"{model.path}/" for model in changes.models)
            self._files += [
                (run, path)
                for path in self._artifacts.list(run)
                if self.models or not path.startswith(folders or ("\0",))
            ]
            yield encode(changes if self.models else _without_models(changes, folders))
        self._step(len(self.runs), len(self.runs))

    def _process_lines(self) -> Iterator[bytes]:
        for process, runs in self._processes.values():
            yield encode_process(process)[:-1] + b',"runs":' + json_text(runs).encode() + b"}"

    def _copied(self, archive: zipfile.ZipFile) -> Iterator[Member]:
        for run, path in self._files:
            try:
                path.encode()
                with self._artifacts.open(run, path) as source:
                    yield self._copy(archive, source, run, path)
            except (NotFound, FileNotFoundError):
                self.packed.left_out.append(f"{path!r} of run {run}: it was removed meanwhile")
            except (ArgumentError, UnicodeEncodeError):
                self.packed.left_out.append(f"{path!r} of run {run}: it leads out of the run's folder, or has no name")

    @staticmethod
    def _copy(archive: zipfile.ZipFile, source: IO[bytes], run: str, path: str) -> Member:
        digest, size = hashlib.sha256(), 0
        with archive.open(_entry(Member(run, path, 0, "").name), "w", force_zip64=True) as file:
            while block := source.read(BLOCK):
                digest.update(block)
                size += file.write(block)
        return Member(run, path, size, digest.hexdigest())


def whole_of(query: Query, run: str) -> Changes:
    """All of the run, in an order that does not depend on when what was written.

    A run whose process has died has ended, though nobody may have written that down yet.
    """
    changes = query.whole(run)
    ordered: dict[str, Any] = {
        name: tuple(sorted(getattr(changes, name), key=lambda item: item[:count])) for name, count in _ORDER.items()
    }
    ordered["metrics"] = tuple(sorted(changes.metrics, key=lambda metric: metric.key))
    if changes.end is None and (row := query.run_row(run)).status == "killed":
        ordered["end"] = End("killed", row.start if row.end is None else row.end)
    return replace(changes, **ordered)


# By how many of its first fields each of them is known.
_ORDER = {"params": 1, "facts": 1, "artifacts": 1, "models": 1, "tables": 2, "registered": 2}


def _without_models(changes: Changes, folders: tuple[str, ...]) -> Changes:
    if not changes.models:
        return changes
    return replace(
        changes,
        models=(),
        registered=(),
        artifacts=tuple(artifact for artifact in changes.artifacts if not artifact.path.startswith(folders)),
        notes=tuple(dict.fromkeys((*changes.notes, *(Note(model.path, _LEFT_OUT) for model in changes.models)))),
    )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.create_system = 3
    return entry


@contextlib.contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """A new name beside the target; what was written there takes the target's place if the block succeeds."""
    beside = target.with_name(parts.new_name())
    try:
        if target.is_dir():
            raise ArgumentError(f"{target} is a folder; name the file that is to be written")
        yield beside
        os.replace(beside, target)
    except (OSError, zipfile.LargeZipFile) as error:
        raise StoreError(f"{target} could not be written: {_reason(error)}") from error
    finally:
        parts.remove(os.fspath(beside))


def _reason(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error)
