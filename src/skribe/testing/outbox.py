"""What stands around a backend in a test: an outbox in memory, and a sender that keeps the shipper's promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from skribe.backends.protocol import Backend
from skribe.records import Artifact, Changes, Model

T = TypeVar("T")


class Crash(BaseException):
    """The process dies here. No backend may catch it: it is not an `Exception`."""


class TestOutbox:
    """An `Outbox` that holds everything in memory, and files in a folder.

    `crash_at` makes the n-th call of `remember` raise `Crash` before anything is remembered.
    """

    __test__ = False  # its name does not make it a test

    def __init__(self, folder: Path, *, crash_at: int | None = None) -> None:
        self.remotes: dict[str, str] = {}
        self.known: dict[str, Changes] = {}
        self.aside: list[tuple[str, str, str]] = []
        self.crash_at = crash_at
        self.remembered = 0  # how often `remember` was called
        self._folder = folder

    def add(self, changes: Changes) -> None:
        """What the local store learns of a run; it is what `whole` gives."""
        known = self.known.get(changes.run)
        self.known[changes.run] = changes if known is None else merged(known, changes)
        for erased in changes.erased:
            self.known.pop(erased, None)

    def put_file(self, run: str, path: str, content: bytes) -> Artifact:
        """Write a file of a run, and the record of it."""
        place = self.folder(run) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return Artifact(path, len(content), "00" * 16)

    def put_model(self, run: str, path: str = "model") -> Model:
        """Write a folder with the files that a model has, and the record of it."""
        body = b"not a real pickle"
        self.put_file(run, f"{path}/model.pkl", body)
        self.put_file(run, f"{path}/MLmodel", b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n")
        return Model(path, "model.pkl", "pickle", len(body), "sha256:" + "00" * 32, "sklearn.linear_model.Ridge")

    def remote(self, run: str) -> str | None:
        return self.remotes.get(run)

    def remember(self, remotes: Mapping[str, str]) -> None:
        self.remembered += 1
        if self.remembered == self.crash_at:
            raise Crash
        self.remotes.update(remotes)

    def whole(self, run: str) -> Changes | None:
        return self.known.get(run)

    def folder(self, run: str) -> Path:
        return self._folder / run

    def set_aside(self, run: str, what: str, reason: str) -> None:
        self.aside.append((run, what, reason))


class Sender:
    """Hands `Changes` to a backend as the shipper does: in order, parents first, and whole if it wants them whole.

    `last` is what the last call of `deliver` was given; to give it again is what happens after a crash.
    """

    def __init__(self, backend: Backend, outbox: TestOutbox) -> None:
        self.backend, self.outbox = backend, outbox
        self.last: tuple[Changes, ...] = ()
        self._held: dict[str, Changes] = {}
        self._sent: set[str] = set()

    def send(self, *changes: Changes) -> None:
        """Write these down and deliver what may be delivered."""
        for one in changes:
            self.outbox.add(one)
            held = self._held.get(one.run)
            self._held[one.run] = one if held is None else merged(held, one)
            for erased in one.erased if not self.backend.capabilities.live else ():
                self._held.pop(erased, None)
        ready = [run for run in self._held if self._may_go(run)]
        most = self.backend.capabilities.runs_at_once
        for first in range(0, len(ready), most):
            some = ready[first : first + most]
            self.last = tuple(self._held[run] for run in some)
            self.backend.deliver(self.last)
            self._sent.update(some)
            for run in some:
                del self._held[run]

    def _may_go(self, run: str) -> bool:
        """Whether the run, and every run that it is inside of, has ended, if the backend wants that."""
        if self.backend.capabilities.live or run in self._sent:
            return True
        known = self.outbox.known.get(run)
        if known is None or known.end is None:
            return False
        parent = None if known.start is None else known.start.parent
        return parent is None or self._may_go(parent)


def merged(earlier: Changes, later: Changes) -> Changes:
    """Two deliveries of one run as one."""
    tuples: dict[str, Any] = {
        name: (*getattr(earlier, name), *getattr(later, name))
        for name in ("metrics", "notes", "warnings", "datasets", "artifacts", "registered", "erased")
    }
    for name, key in _KEYS.items():
        tuples[name] = _latest(chain(getattr(earlier, name), getattr(later, name)), key)
    return replace(
        earlier,
        start=earlier.start or later.start,
        name=earlier.name if later.name is None else later.name,
        tags={**earlier.tags, **later.tags},
        end=later.end or earlier.end,
        **tuples,
    )


# Where a later record takes the place of an earlier one.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "params": ("key",),
    "facts": ("key",),
    "candidates": ("number",),
    "results": ("candidate", "split"),
    "tables": ("name", "data"),
    "models": ("path",),
}


def _latest(records: Iterable[T], key: tuple[str, ...]) -> tuple[T, ...]:
    return tuple({tuple(getattr(record, part) for part in key): record for record in records}.values())
