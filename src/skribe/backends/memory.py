"""A backend that keeps runs in memory: for tests, and the shortest example of what a backend has to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from skribe.backends.protocol import Capabilities, Outbox
from skribe.errors import ArgumentError, BackendError
from skribe.records import (
    Candidate,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Kind,
    Metric,
    Model,
    Note,
    Param,
    Registration,
    Result,
    Start,
    Status,
    Table,
    Warned,
)

T = TypeVar("T")
_ADDRESS = "memory"


@dataclass(slots=True, kw_only=True)
class Kept:
    """Everything that has arrived of one run."""

    id: str
    name: str = ""
    experiment: str = ""
    kind: Kind = "fit"
    parent: str | None = None
    status: Status = "running"
    start: Start | None = None
    end: End | None = None
    params: dict[str, Param] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each
    history: dict[str, list[Metric]] = field(default_factory=dict)  # those with a step, as they came
    tags: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # artifacts and the files of models, by path
    candidates: dict[int, Candidate] = field(default_factory=dict)
    results: dict[tuple[int, int], Result] = field(default_factory=dict)  # by candidate and split
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)  # by name and data
    models: dict[str, Model] = field(default_factory=dict)  # by path
    registered: list[Registration] = field(default_factory=list)

    @property
    def failure(self) -> Failure | None:
        """The exception that ended the run."""
        return None if self.end is None else self.end.failure

    def add(self, changes: Changes) -> None:
        """Take in what is new. What has been taken in before changes nothing."""
        if changes.start is not None:
            self.start = changes.start
            self.name, self.experiment = changes.start.name, changes.start.experiment
            self.kind, self.parent = changes.start.kind, changes.start.parent
        if changes.name is not None:
            self.name = changes.name
        if changes.end is not None:
            self.end, self.status = changes.end, changes.end.status
        points: dict[str, list[Metric]] = {}
        for metric in changes.metrics:
            self.metrics[metric.key] = metric.value
            if metric.step is not None:
                points.setdefault(metric.key, []).append(metric)
        for key, new in points.items():
            _add_new(self.history.setdefault(key, []), new)
        self.params.update((param.key, param) for param in changes.params)
        self.tags.update(changes.tags)
        self.facts.update((fact.key, fact) for fact in changes.facts)
        self.candidates.update((one.number, one) for one in changes.candidates)
        self.results.update(((one.candidate, one.split), one) for one in changes.results)
        self.tables.update(((one.name, one.data), one) for one in changes.tables)
        self.models.update((one.path, one) for one in changes.models)
        _add_new(self.notes, changes.notes)
        _add_new(self.warnings, changes.warnings)
        _add_new(self.datasets, changes.datasets)
        _add_new(self.registered, changes.registered)


class MemoryBackend:
    """Keeps what it is handed in `runs`, by run id. Another instance goes on with them if it is given them."""

    def __init__(self, address: str = "", *, runs: dict[str, Kept] | None = None) -> None:
        self._address = self.resolve(address)
        self.runs: dict[str, Kept] = {} if runs is None else runs
        self._outbox: Outbox | None = None

    @staticmethod
    def resolve(address: str) -> str:
        """What is shown for an address. There is only one memory, so the user gives none."""
        if address.strip() not in ("", _ADDRESS):
            raise ArgumentError("the backend 'memory' takes no address: write 'memory'.")
        return _ADDRESS

    @property
    def address(self) -> str:
        return self._address

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(live=True, erases=True)

    def open(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def deliver(self, changes: Sequence[Changes]) -> None:
        if self._outbox is None:
            raise BackendError("the memory backend is not open; call open(outbox) before deliver.")
        for one in changes:
            kept = self.runs.get(one.run)
            if kept is None:
                kept = self.runs[one.run] = Kept(id=one.run)
            kept.add(one)
            _take_files(kept, one, self._outbox)
            for erased in one.erased:
                self._erase(erased)

    def settle(self) -> None:
        """Nothing is put off."""

    def close(self) -> None:
        self._outbox = None

    def link(self, run: str) -> str | None:  # noqa: ARG002 - there is nothing to look at
        return None

    def _erase(self, run: str) -> None:
        self.runs.pop(run, None)
        for child in [kept.id for kept in self.runs.values() if kept.parent == run]:
            self._erase(child)


def _take_files(kept: Kept, changes: Changes, outbox: Outbox) -> None:
    if not (changes.artifacts or changes.models):
        return
    folder = outbox.folder(changes.run)
    for path in [*(one.path for one in changes.artifacts), *(one.path for one in changes.models)]:
        found = _files_at(folder, path)
        if not found:
            outbox.set_aside(changes.run, path, "the file is not there any more")
        kept.files.update((file.relative_to(folder).as_posix(), file.read_bytes()) for file in found)


def _files_at(folder: Path, path: str) -> list[Path]:
    """The file at this path, or all that are in the folder at this path."""
    place = folder / path
    return [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())


def _add_new(kept: list[T], given: Sequence[T]) -> None:
    """Append those that are not there yet, in their order."""
    # By their text: NaN is not equal to itself, and a data set's details have no hash.
    known = {repr(one) for one in kept}
    for one in given:
        if (text := repr(one)) not in known:
            known.add(text)
            kept.append(one)
