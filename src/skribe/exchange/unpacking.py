"""Reading an archive that may come from anybody: everything is checked before anything of it is used."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO

from skribe.errors import NotFound, StoreDamaged, StoreError
from skribe.exchange.layout import (
    BELOW,
    BLOCK,
    FILES,
    LARGEST_MANIFEST,
    LONGEST_LINE,
    MANIFEST,
    PARTS,
    PROCESSES,
    REGISTERED,
    RUN_ID,
    RUNS,
    Manifest,
    Member,
    Part,
    read_manifest,
    whole,
)
from skribe.exchange.soundness import check, check_path, check_process
from skribe.records import Changes, ProcessInfo
from skribe.store import codec

_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Archive:
    """An archive, open and checked. StoreDamaged says what is wrong with it, StoreTooNew that it is of a later skribe.

    `step(done, total)` is called while the files are read, which takes a while for large ones.
    """

    def __init__(self, path: Path, step: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        self.called = f"the archive {path}"
        self.damaged_if = _Damage(self.called)
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed by `close`, or below
        except FileNotFoundError:
            raise NotFound(f"there is no file {path}") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
        try:
            with self.damaged_if:
                self._zip = zipfile.ZipFile(file)
                self._entries = self._checked_entries()
                self.manifest: Manifest = self._read_manifest()
                self.members = self._read_members()
                self._check_names()
                self.processes, self._process_of = self._read_processes()
                self.runs = self._check_runs()
                self._check_files(step)
        except BaseException:
            file.close()
            raise
        self._file = file

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()

    # -- what is in it

    def changes(self) -> Iterator[Changes]:
        """The runs, each after the run that it is inside of."""
        with self.damaged_if:
            for line in self._lines(RUNS):
                yield check(codec.decode(line))

    def process(self, run: str) -> ProcessInfo | None:
        """The process that wrote this run."""
        return self._process_of.get(run)

    def registered(self) -> Iterator[Any]:
        """The lines about registered names, as JSON; who reads them checks them."""
        with self.damaged_if:
            for line in self._lines(REGISTERED):
                yield json.loads(line)

    def files(self, run: str) -> dict[str, Callable[[BinaryIO], None]]:
        """The run's files by path: each copies itself, and raises if it is not what the archive says."""
        return {member.path: self._copier(member) for member in self.members.get(run, ())}

    def _copier(self, member: Member) -> Callable[[BinaryIO], None]:
        def copy(target: BinaryIO) -> None:
            with self.damaged_if:
                self._read(Part(member.name, member.size, member.sha256), target)

        return copy

    # -- checks

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.filename in entries:
                raise ValueError(f"{entry.filename!r} is in it twice")
            if entry.is_dir() or kind not in (0, stat.S_IFREG):
                raise ValueError(f"{entry.filename!r} is not a plain file")
            if entry.flag_bits & _ENCRYPTED:
                raise ValueError(f"{entry.filename!r} is encrypted")
            if entry.orig_filename != entry.filename:
                raise ValueError(f"{entry.orig_filename!r} is not the name of a file")
            entries[entry.filename] = entry
        return entries

    def _read_manifest(self) -> Manifest:
        if MANIFEST not in self._entries:
            raise ValueError(f"it has no {MANIFEST}")
        if self._entries[MANIFEST].file_size > LARGEST_MANIFEST:
            raise ValueError(f"its {MANIFEST} is too large")
        with self._zip.open(self._entries[MANIFEST]) as file:
            manifest = read_manifest(file.read(LARGEST_MANIFEST), self.called)
        for part in manifest.parts.values():
            self._read(part)
        return manifest

    def _read_members(self) -> dict[str, list[Member]]:
        members: defaultdict[str, list[Member]] = defaultdict(list)
        count = size = 0
        for line in self._lines(FILES):
            run, path, length, digest = json.loads(line)
            if not (isinstance(run, str) and isinstance(path, str) and isinstance(digest, str)):
                raise ValueError(f"a line of {FILES} is not about a file")
            if not RUN_ID.fullmatch(run):
                raise ValueError(f"{run!r} is not the id of a run")
            members[run].append(Member(run, check_path(path), whole(length), digest))
            count, size = count + 1, size + length
        if (count, size) != (self.manifest.files, self.manifest.size):
            raise ValueError("it does not hold as many files as it says")
        return dict(members)

    def _check_names(self) -> None:
        told = {MANIFEST, *PARTS}
        for members in self.members.values():
            paths = {member.path for member in members}
            told |= {member.name for member in members}
            for path in paths:
                if any(str(folder) in paths for folder in PurePosixPath(path).parents):
                    raise ValueError(f"{path!r} lies in something that is a file")
        if len(told) != self.manifest.files + 1 + len(PARTS):
            raise ValueError("it names a file twice")
        for name in sorted(self._entries.keys() ^ told):
            missing = "is not in it" if name in told else f"is not among its {FILES}"
            raise ValueError(f"{name!r} {missing}")

    def _read_processes(self) -> tuple[dict[str, ProcessInfo], dict[str, ProcessInfo]]:
        processes: dict[str, ProcessInfo] = {}
        of_run: dict[str, ProcessInfo] = {}
        for line in self._lines(PROCESSES):
            process = check_process(codec.decode_process(line))
            processes[process.token] = process
            of_run.update(dict.fromkeys(map(str, json.loads(line)["runs"]), process))
        return processes, of_run

    def _check_runs(self) -> tuple[str, ...]:
        runs: dict[str, None] = {}
        for line in self._lines(RUNS):
            changes = check(codec.decode(line))
            parent = changes.start.parent if changes.start is not None else None
            if changes.run in runs or (parent is not None and parent not in runs):
                raise ValueError(f"run {changes.run} is there twice, or before the run that it is inside of")
            runs[changes.run] = None
        if len(runs) != self.manifest.runs or not runs.keys() >= self.members.keys():
            raise ValueError("it does not hold the runs that it says it holds")
        return tuple(runs)

    def _check_files(self, step: Callable[[int, int], None]) -> None:
        done = 0
        for members in self.members.values():
            for member in members:
                step(done, self.manifest.size)
                self._read(Part(member.name, member.size, member.sha256))
                done += member.size

    # -- reading

    def _read(self, part: Part, target: BinaryIO | None = None) -> None:
        """Read all of something, and copy it if there is a target. ValueError if it is not what it should be."""
        entry = self._entries.get(part.name)
        if (
            entry is None
            or entry.file_size != part.size
            or entry.filename.startswith(BELOW) != (part.name not in PARTS)
        ):
            raise ValueError(f"{part.name!r} is missing, or has another size than the archive says")
        digest, left = hashlib.sha256(), part.size
        with self._zip.open(entry) as file:
            while block := file.read(BLOCK):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                if target is not None:
                    target.write(block)
        if left or digest.hexdigest() != part.sha256:
            raise ValueError(f"{part.name!r} is not what was put into it")

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._zip.open(self._entries[name]) as raw, io.BufferedReader(_Readable(raw), BLOCK) as file:
            while line := file.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    raise ValueError(f"a line of {name} has no end")
                yield line[:-1]


class _Readable(io.RawIOBase):
    """What a zip file gives, as a buffer wants it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._source.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class _Damage(contextlib.AbstractContextManager[None]):
    """Whatever goes wrong while the archive is read is said to be its fault."""

    def __init__(self, called: str) -> None:
        self._called = called

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StoreError):
            return
        if isinstance(error, RecursionError):
            raise StoreDamaged(f"{self._called} is damaged: something in it is nested too deeply") from None
        if isinstance(error, (*_BROKEN, ValueError, TypeError, KeyError, AttributeError, UnicodeError)):
            raise StoreDamaged(f"{self._called} is damaged, or is none: {_reason(error)}. Nothing was imported") from (
                None
            )
        if isinstance(error, OSError):
            raise StoreError(f"{self._called} cannot be read, or not be copied: {error.strerror or error}") from error


def _reason(error: BaseException) -> str:
    return str(error).strip().rstrip(".")[:300] or type(error).__name__


def free_space(folder: Path) -> int:
    """How many bytes there is room for where this folder is, or will be."""
    import shutil

    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(os.fspath(there)).free
